/**
 * Ports that one machine serves for all, by port forwarding. Pure.
 *
 * A forward stays on its machine as long as that is fit; it cannot be changed in place, so moving it means to delete it
 * and to make it anew at once. On one address a forward and a load balancer rule cannot share a port number, whatever
 * their protocols: a rule of ours in the way goes directly before.
 */
import type { Forward, NetworkId, VmId } from "../../domain/Cloud.ts"
import type { Chain } from "./chains.ts"
import { type Claims, isForwardOf } from "./claims.ts"
import type { Maker } from "./jobIds.ts"
import { Step } from "./steps.ts"
import type { ForwardTargets, WantedPort } from "./wanted.ts"

export interface ForwardsInput {
  readonly by: Maker
  readonly own: Claims
  readonly ports: ReadonlyArray<WantedPort>
  readonly targets: ForwardTargets
  /** Only in a VPC. */
  readonly networkId?: NetworkId
}

const isFit = (forward: Forward, { fit }: ForwardTargets): boolean =>
  fit === "any" || (forward.vmId !== undefined && fit.includes(forward.vmId))

const create = ({ by, networkId, own }: ForwardsInput, want: WantedPort, vmId: VmId): Step =>
  Step.CreateForward({
    by,
    forward: {
      addressId: own.address.id,
      ...(networkId === undefined ? {} : { networkId }),
      protocol: want.ipProtocol,
      publicPort: want.port,
      privatePort: want.nodePort,
      vmId
    }
  })

const drop = ({ id, publicPort }: Forward): Step => Step.DeleteForward({ id, port: publicPort })

const isOn = (forward: Forward, want: WantedPort): boolean =>
  forward.publicPort === want.port && forward.protocol.toLowerCase() === want.ipProtocol

/** It is as wanted and where it may be. */
const serves = (forward: Forward, want: WantedPort, targets: ForwardTargets): boolean =>
  isForwardOf(forward, { protocol: want.ipProtocol, publicPort: want.port, privatePort: want.nodePort }) &&
  isFit(forward, targets)

export const isKept = (forward: Forward, { ports, targets }: Pick<ForwardsInput, "ports" | "targets">): boolean =>
  ports.some((want) => want.via === "forward" && serves(forward, want, targets))

const planForward = (input: ForwardsInput, want: WantedPort): ReadonlyArray<Step> => {
  const { own, targets } = input
  const held = own.forwards.filter((forward) => isOn(forward, want))
  if (held.some((forward) => serves(forward, want, targets))) return []
  // Nothing new is open for sources that could not be read, and nothing goes before something can take its place.
  if (targets.pick === undefined || (want.sources === undefined && held.length === 0)) return []
  return [...held.map(drop), create(input, want, targets.pick)]
}

export const planForwards = (input: ForwardsInput): ReadonlyArray<Chain> => {
  const numbers = new Set(input.ports.map(({ port }) => port))
  return [...numbers].flatMap((port) => {
    const making = input.ports.filter((want) => want.port === port).flatMap((want) => planForward(input, want))
    if (making.length === 0) return []
    const blockers = input.own.rules
      .filter((rule) => rule.publicPort === port)
      .map(({ id }) => Step.DeleteRule({ id, port }))
    return [{ key: `forward ${port}`, steps: [...blockers, ...making], always: [], needs: [] }]
  })
}

/** Whether a forward of ours has no place among what is wanted: neither as one, nor as what a new rule replaces. */
export const isStale = (forward: Forward, ports: ReadonlyArray<WantedPort>): boolean =>
  !ports.some((want) => (want.via === "forward" ? isOn(forward, want) : want.port === forward.publicPort))

/** Before a rule can be made on a port, what we forward there has to go. */
export const blockingForwards = (own: Claims, port: number): ReadonlyArray<Step> =>
  own.forwards.filter(({ publicPort }) => publicPort === port).map(drop)

/** For a Service whose other demands are refused for now: what it has moves off machines that are not fit. */
export const planMoves = (by: Maker, own: Claims, targets: ForwardTargets): ReadonlyArray<Chain> => {
  const { pick } = targets
  if (pick === undefined) return []
  return own.forwards
    .filter((forward) => !isFit(forward, targets))
    .map((forward) => ({
      key: `forward ${forward.protocol.toLowerCase()}/${forward.publicPort}`,
      steps: [
        drop(forward),
        Step.CreateForward({
          by,
          forward: {
            addressId: own.address.id,
            ...(own.address.vpcId === undefined || forward.networkId === undefined
              ? {}
              : { networkId: forward.networkId }),
            protocol: forward.protocol.toLowerCase() === "udp" ? "udp" : "tcp",
            publicPort: forward.publicPort,
            privatePort: forward.privatePort,
            vmId: pick
          }
        })
      ],
      always: [],
      needs: []
    }))
}

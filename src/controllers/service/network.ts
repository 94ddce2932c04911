/** In which network a Service's load balancer is: where its address is, as configured, or where most nodes are. Pure. */
import { isCandidate } from "../../domain/Candidates.ts"
import { type Holding, NetworkId } from "../../domain/Cloud.ts"
import { type MachineIndex, resolveMachine } from "../../domain/NodeIdentity.ts"
import type { Node, Service } from "../../kubernetes/objects.ts"
import { type Claimant, claims, isClaimed } from "./claims.ts"
import type { WantedAddress } from "./wanted.ts"

const mostFrequent = (ids: ReadonlyArray<NetworkId>): NetworkId | undefined => {
  const counts = new Map<NetworkId, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  // Equal counts: the smaller id, so that the choice does not depend on the order of the nodes.
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0]
}

/** A candidate node can be reached there. */
const reaches = ({ machines, nodes }: NetworkInput, networkId: NetworkId | undefined): boolean =>
  nodes.filter(isCandidate).some((node) => {
    const found = resolveMachine(node, machines)
    return found._tag === "Found" && found.machine.nics.some((nic) => nic.networkId === networkId)
  })

/**
 * The network of the address that the Service has, or names if nodes are there: else it is refused as another network's.
 * An address of a VPC has none while nothing ties it to a tier (it has no rules).
 */
export const networkOfAddress = (input: NetworkInput): NetworkId | undefined => {
  const { address, claimant, holdings, service } = input
  const isOwn = (holding: Holding) => isClaimed(claims(holding, claimant), claimant)
  const published = new Set(service.ingress.map(({ ip }) => ip))
  const candidates =
    address._tag === "Named"
      ? holdings.filter(
          (holding) =>
            holding.address.ip === address.ip && (isOwn(holding) || reaches(input, holding.address.networkId))
        )
      : holdings.filter(isOwn)
  const ordered = [...candidates].sort(
    (a, b) => Number(published.has(b.address.ip)) - Number(published.has(a.address.ip))
  )
  return ordered.flatMap(({ address: { networkId } }) => networkId ?? [])[0]
}

export interface NetworkInput {
  readonly service: Service
  readonly address: WantedAddress
  readonly claimant: Claimant
  readonly holdings: ReadonlyArray<Holding>
  readonly nodes: ReadonlyArray<Node>
  readonly machines: MachineIndex
  /** By annotation, else in the cloud-config. */
  readonly configured: string | undefined
}

export const chooseNetwork = (input: NetworkInput): NetworkId | undefined => {
  const { configured, machines, nodes } = input
  const ofAddress = networkOfAddress(input)
  if (ofAddress !== undefined) return ofAddress
  if (configured !== undefined) return NetworkId.make(configured)
  return mostFrequent(
    nodes.filter(isCandidate).flatMap((node) => {
      const found = resolveMachine(node, machines)
      if (found._tag !== "Found") return []
      return found.machine.nics.find((nic) => nic.isDefault)?.networkId ?? []
    })
  )
}

/** The addresses of a Node as its VM's interfaces have them, in the order that consumers rely on. */
import { Option, Result } from "effect"
import * as NetAddress from "effect/net/NetAddress"
import type { Machine } from "./Cloud.ts"

export interface NodeAddress {
  readonly type: string
  readonly address: string
}

/**
 * The default interface first (IPv4, then IPv6), then the others, then secondary addresses, all InternalIP; static NAT
 * as ExternalIP; the Node's own name as Hostname. Without any address (an L2 network) nothing at all: the kubelet's own
 * list is better than a name alone.
 */
export const machineAddresses = (nodeName: string, machine: Machine): ReadonlyArray<NodeAddress> => {
  const nics = [...machine.nics.filter((nic) => nic.isDefault), ...machine.nics.filter((nic) => !nic.isDefault)]
  const internal = [...nics.flatMap((nic) => [nic.ipv4, nic.ipv6]), ...nics.flatMap((nic) => nic.secondary)]
  const addresses = [
    ...distinct(internal).map((address) => ({ type: "InternalIP", address })),
    ...distinct(nics.map((nic) => nic.publicIp)).map((address) => ({ type: "ExternalIP", address }))
  ]
  return addresses.length === 0 ? [] : [...addresses, { type: "Hostname", address: nodeName }]
}

/**
 * The addresses to publish when the kubelet was told its own (`alpha.kubernetes.io/provided-node-ip`): those first, of
 * their types no other, then the other types in their order. Fails, as upstream does, on an address that the VM lacks.
 */
export const preferProvided = (
  annotation: string,
  addresses: ReadonlyArray<NodeAddress>
): Result.Result<ReadonlyArray<NodeAddress>, string> => {
  const provided = parseProvided(annotation)
  if (Result.isFailure(provided)) {
    return Result.fail(`failed to parse node IP ${JSON.stringify(annotation)}: ${provided.failure}`)
  }
  const preferred: Array<NodeAddress> = []
  const types = new Set<string>()
  for (const ip of provided.success) {
    const matching = addresses.filter(({ address }) => normalised(address) === ip)
    if (matching.length === 0) {
      return Result.fail(`failed to get node address from cloud provider that matches ip: ${ip}`)
    }
    for (const match of matching) {
      preferred.push(match)
      types.add(match.type)
    }
  }
  return Result.succeed([...preferred, ...addresses.filter(({ type }) => !types.has(type))])
}

/** Order matters: of several addresses of one type the first is the one that is used. */
export const sameAddresses = (a: ReadonlyArray<NodeAddress>, b: ReadonlyArray<NodeAddress>): boolean =>
  a.length === b.length && a.every(({ type, address }, at) => type === b[at]?.type && address === b[at]?.address)

const parseProvided = (annotation: string): Result.Result<ReadonlyArray<string>, string> => {
  const ips: Array<string> = []
  for (const text of annotation.split(",")) {
    const ip = normalised(text)
    if (ip === undefined) return Result.fail(`could not parse ${JSON.stringify(text)}`)
    ips.push(ip)
  }
  const [first = "", second] = ips
  if (ips.length > 2 || (second !== undefined && first.includes(":") === second.includes(":"))) {
    return Result.fail("must contain either a single IP or a dual-stack pair of IPs")
  }
  if (second !== undefined && ips.some((ip) => ip === "0.0.0.0" || ip === "::")) {
    return Result.fail("dual-stack node IP cannot include '0.0.0.0' or '::'")
  }
  return Result.succeed(ips)
}

/** One spelling per address; an IPv4 address mapped into IPv6 is that IPv4 address. */
const normalised = (text: string): string | undefined =>
  Option.getOrUndefined(
    Option.map(Result.getSuccess(NetAddress.ipFromString(text)), (ip) =>
      NetAddress.formatIp(NetAddress.toCanonical(ip))
    )
  )

const distinct = (addresses: ReadonlyArray<string | undefined>): ReadonlyArray<string> => [
  ...new Set(addresses.flatMap((text) => (text === undefined || normalised(text) === undefined ? [] : [text])))
]

/** Ids of jobs, derived so that after a crash or a lost answer the same question can be asked again. */
import { createHash } from "node:crypto"
import { canonicalText } from "../../domain/Cidr.ts"
import type { AddressId, PublicAddress, VmId } from "../../domain/Cloud.ts"

/** A UUID (version 8: our own contents) that is the same for the same text, and for no other. */
const derived = (text: string): string => {
  const hash = createHash("sha256").update(`cloudstack-ccm ${text}`).digest("hex")
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32)
  ].join("-")
}

export const allocationId = (serviceUid: string, attempt: number): string =>
  derived(`allocation ${serviceUid} ${attempt}`)

/** Who makes something on an address: a Service, while the account has held the address since then. */
export interface Maker {
  readonly serviceUid: string
  readonly allocatedAt?: number
}

export const makerOf = (serviceUid: string, { allocatedAt }: PublicAddress): Maker => ({
  serviceUid,
  ...(allocatedAt === undefined ? {} : { allocatedAt })
})

/** A firewall rule or a forward, as far as it can be told from another. */
export interface Making extends Maker {
  readonly addressId: AddressId
  readonly what: string
}

export const opening = (protocol: string, port: number, cidrs: ReadonlyArray<string>): string =>
  `firewall ${protocol.toLowerCase()} ${port} ${canonicalText(cidrs).join(",")}`

export const forwarding = (protocol: string, publicPort: number, privatePort: number, vmId: VmId): string =>
  `forward ${protocol.toLowerCase()} ${publicPort} ${privatePort} ${vmId}`

export const makingId = ({ addressId, allocatedAt, serviceUid, what }: Making, attempt: number): string =>
  derived(`making ${serviceUid} ${addressId} ${allocatedAt ?? ""} ${what} ${attempt}`)

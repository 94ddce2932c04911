/** Ids of jobs, derived so that after a crash or a lost answer the same question can be asked again. */
import { createHash } from "node:crypto"
import { canonicalText } from "../../domain/Cidr.ts"
import type { AddressId } from "../../domain/Cloud.ts"

/** A UUID (version 8: our own contents) that is the same for the same text, and for no other. */
const uuidOf = (text: string): string => {
  const hash = createHash("sha256").update(text).digest("hex")
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32)
  ].join("-")
}

/** Of the n-th allocation of an address for a Service. */
export const allocationId = (serviceUid: string, attempt: number): string =>
  uuidOf(`cloudstack-ccm allocation ${serviceUid} ${attempt}`)

export interface Opening {
  readonly serviceUid: string
  readonly addressId: AddressId
  readonly protocol: string
  readonly port: number
  readonly cidrs: ReadonlyArray<string>
}

/** Of the n-th time that a port is opened for the same sources of a Service. */
export const openingId = ({ addressId, cidrs, port, protocol, serviceUid }: Opening, attempt: number): string =>
  uuidOf(
    `cloudstack-ccm opening ${serviceUid} ${addressId} ${protocol} ${port} ${canonicalText(cidrs).join(",")} ${attempt}`
  )

/** The id of an allocation's job, derived so that after a crash or a lost answer the same question can be asked again. */
import { createHash } from "node:crypto"

/** A UUID (version 8: our own contents) that is the same for the same Service and attempt, and for no other. */
export const allocationId = (serviceUid: string, attempt: number): string => {
  const hash = createHash("sha256").update(`cloudstack-ccm allocation ${serviceUid} ${attempt}`).digest("hex")
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32)
  ].join("-")
}

/**
 * How a Service leaves an address: in one release where the address is ours alone, else thing by thing; and nothing but
 * its own things where the address is kept for the next Service of the name. Pure.
 */
import { nameOf, rows } from "../../domain/Annotations.ts"
import type { PublicAddress } from "../../domain/Cloud.ts"
import { isMarked, keepTag } from "../../domain/Ownership.ts"
import type { Note } from "../../domain/Refusal.ts"
import { withMarksGone } from "./adopt.ts"
import { type Chain, chain } from "./chains.ts"
import { type Claims, mayBeReleased } from "./claims.ts"
import { planRetirement } from "./planRetirement.ts"
import { Step } from "./steps.ts"
import type { Kept } from "./wanted.ts"

export interface Leaving {
  readonly chains: ReadonlyArray<Chain>
  readonly notes: ReadonlyArray<Note>
}

const isOurs = (own: Claims): boolean => own.ownership === "owned" && mayBeReleased(own.address)

/** Ours, and nobody else has anything on it. Others' firewall rules and forwards count: releasing would remove them. */
export const isReleasable = (own: Claims): boolean =>
  isOurs(own) &&
  own.otherRules.length === 0 &&
  own.otherFirewall.length === 0 &&
  own.otherForwards.length === 0 &&
  (own.keptFor === undefined || own.kept)

/** That the address bears our tag proves that one more can be set. */
const isKept = (own: Claims, keep: Kept<boolean>): boolean =>
  isOurs(own) && (keep ?? own.kept) && (own.kept || (own.tagged && own.keptFor === undefined))

const retire = (own: Claims): ReadonlyArray<Chain> =>
  withMarksGone(own, planRetirement(own, [])).map((one) => ({ ...one, key: `${own.address.ip} ${one.key}` }))

const keptNote = ({ address: { ip } }: Claims, name: string): Note => ({
  type: "Normal",
  reason: "AddressKept",
  message: `Address ${ip} is kept for Service ${name}. Without the annotation ${nameOf(rows.keepIp)} it is released with the Service`
})

/** What no Service has: one that is marked will release the address when it goes itself. */
const strangersOn = ({ otherFirewall, otherForwards, otherRules }: Claims) =>
  otherRules.length > 0 ? [] : [...otherFirewall, ...otherForwards].filter(({ tags }) => !isMarked(tags))

const strangersNote = ({ ip }: PublicAddress, strangers: ReturnType<typeof strangersOn>): Note => {
  const ids = strangers.map(({ id }) => id).join(", ")
  const message = `Address ${ip} is kept: it carries firewall or port forwarding rules that are not ours (${ids}). Remove them and the address in CloudStack if nobody needs them`
  return { type: "Warning", reason: "AddressKept", message }
}

/**
 * Releasing removes the rules too, in one command, so that the marks on them never go before the address. Each key is
 * prefixed by the address: a Service may leave several at once. `name` is the Service's, `keep` what it says of keeping;
 * `isWanted` = it stays for another Service, which asks for this very address.
 */
export const planLeaving = (own: Claims, name: string, keep: Kept<boolean>, isWanted = false): Leaving => {
  const { id, ip } = own.address
  if (isKept(own, keep)) {
    const mark = own.kept ? [] : [Step.TagAddress({ id, tags: [{ key: keepTag, value: name }] })]
    return { chains: [...chain(`${ip} keep`, mark), ...retire(own)], notes: [keptNote(own, name)] }
  }
  if (!isWanted && isReleasable(own))
    return { chains: withMarksGone(own, chain(`release ${ip}`, [Step.ReleaseAddress({ id })])), notes: [] }
  const strangers = isOurs(own) ? strangersOn(own) : []
  return { chains: retire(own), notes: strangers.length === 0 ? [] : [strangersNote(own.address, strangers)] }
}

/**
 * How an earlier provider holds the sources of a port: one list on the rule, another on the firewall, and traffic has to
 * pass both. Where that lets in exactly who is wanted, both stay as they are: to take over is no work for the router.
 * Pure.
 */
import { anywhere, canonical, intersect, parseCidr } from "../../domain/Cidr.ts"
import { type Claims, ipProtocolOf, isTakenOver } from "./claims.ts"
import { isOn } from "./planRetirement.ts"
import type { WantedPort } from "./wanted.ts"

const networksIn = (list: ReadonlyArray<string>) => list.flatMap((text) => parseCidr(text) ?? [])

export const isHeldTogether = (own: Claims, { ipProtocol, port, sources }: WantedPort): boolean => {
  const rule = own.rules.find(
    ({ protocol, publicPort }) => publicPort === port && ipProtocolOf(protocol) === ipProtocol
  )
  if (rule === undefined || sources === undefined || !isTakenOver(rule)) return false
  const onRule = networksIn(rule.cidrs.length === 0 ? [anywhere] : rule.cidrs)
  const onBorder = networksIn(own.firewall.filter((one) => isOn(one, port, ipProtocol)).flatMap(({ cidrs }) => cidrs))
  const passing = canonical(intersect(onRule, onBorder))
  return passing.length === sources.length && passing.every((text, index) => text === sources[index])
}

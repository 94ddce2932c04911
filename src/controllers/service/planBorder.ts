/**
 * Which firewall rules of one port open and close so that exactly the wanted sources pass. Pure.
 *
 * Sources that stay are never shut out without need: new ones open in a rule of their own before others close. Only a
 * rule that mixes sources that stay with sources that go has to be replaced (CloudStack cannot edit one, and refuses a
 * second rule that names the same network), and then its successor follows directly, new sources included. Several such
 * rules are replaced one by one, so that a source that stays is out for one push of the router.
 */
import { admits, canonicalText } from "../../domain/Cidr.ts"
import type { AddressId, FirewallRule } from "../../domain/Cloud.ts"
import type { Chain } from "./chains.ts"
import type { Maker } from "./jobIds.ts"
import { Step } from "./steps.ts"

export interface BorderInput {
  readonly by: Maker
  readonly addressId: AddressId
  readonly protocol: "tcp" | "udp"
  readonly port: number
  readonly sources: ReadonlyArray<string>
  /** Our rules on exactly this port and protocol. */
  readonly ours: ReadonlyArray<FirewallRule>
  /** Rules of others that admit traffic to this port. */
  readonly others: ReadonlyArray<FirewallRule>
}

/** A rule without ports, or with a range around it, admits the port too. */
export const covers = (rule: FirewallRule, protocol: string, port: number): boolean => {
  if (rule.protocol.toLowerCase() !== protocol) return false
  if (rule.startPort === undefined) return true
  return rule.startPort <= port && port <= (rule.endPort ?? rule.startPort)
}

/** Never given to the router: the server was stopped in the middle of making it. */
const isUnfinished = ({ state }: FirewallRule): boolean => state.toLowerCase() === "add"

export const planBorder = ({ others, ours, sources, ...of }: BorderInput): Chain | undefined => {
  const { port, protocol } = of
  const wanted = new Set(sources)
  const listOf = (rule: FirewallRule) => canonicalText(rule.cidrs)
  const stays = ours.filter((rule) => !isUnfinished(rule) && listOf(rule).every((cidr) => wanted.has(cidr)))
  const mixed = ours.filter((rule) => !stays.includes(rule) && listOf(rule).some((cidr) => wanted.has(cidr)))
  const goes = ours.filter((rule) => !stays.includes(rule) && !mixed.includes(rule))
  const open = new Set(stays.flatMap(listOf))
  const admitted = others.flatMap(listOf)
  const missing = sources.filter((cidr) => !open.has(cidr) && !admits(admitted, cidr))
  const opening = (cidrs: ReadonlyArray<string>): ReadonlyArray<Step> =>
    cidrs.length === 0 ? [] : [Step.OpenBorder({ ...of, cidrs })]
  const [first, ...rest] = mixed
  const later = rest.map((rule) => ({ rule, cidrs: missing.filter((cidr) => listOf(rule).includes(cidr)) }))
  const now = missing.filter((cidr) => !later.some(({ cidrs }) => cidrs.includes(cidr)))
  const steps: ReadonlyArray<Step> = [
    ...(first === undefined ? [] : [Step.CloseBorder({ id: first.id, port })]),
    ...opening(now),
    ...later.flatMap(({ cidrs, rule }) => [Step.CloseBorder({ id: rule.id, port }), ...opening(cidrs)])
  ]
  if (steps.length === 0 && goes.length === 0) return undefined
  return {
    key: `border ${protocol}/${port}`,
    steps,
    // Revoked sources close even if nothing new could be opened.
    always: goes.map(({ id }) => Step.CloseBorder({ id, port })),
    needs: []
  }
}

/** What of a Service's own goes from an address, port by port. Pure. */
import type { FirewallRule, Forward } from "../../domain/Cloud.ts"
import { type Chain, chain } from "./chains.ts"
import type { Claims, HeldRule } from "./claims.ts"
import { isStale } from "./planForwards.ts"
import { Step } from "./steps.ts"
import type { WantedPort } from "./wanted.ts"

export const isOn = (rule: FirewallRule, port: number, protocol: string): boolean =>
  rule.startPort === port && rule.protocol.toLowerCase() === protocol

/** The border closes before its rule goes: the rule is what proves whose the border is. */
const retire = (
  port: number,
  rules: ReadonlyArray<HeldRule | Forward>,
  firewall: ReadonlyArray<FirewallRule>
): ReadonlyArray<Chain> =>
  chain(`retire ${port}`, [
    ...firewall.map(({ id }) => Step.CloseBorder({ id, port })),
    ...rules.map((rule) =>
      "members" in rule ? Step.DeleteRule({ id: rule.id, port }) : Step.DeleteForward({ id: rule.id, port })
    )
  ])

/** What is the Service's on this address but not wanted: everything if `keep` is empty. */
export const planRetirement = (own: Claims, keep: ReadonlyArray<WantedPort>): ReadonlyArray<Chain> => {
  const rules = own.rules.filter((rule) => !keep.some(({ port }) => port === rule.publicPort))
  const firewall = own.firewall.filter((rule) => !keep.some(({ ipProtocol, port }) => isOn(rule, port, ipProtocol)))
  const forwards = own.forwards.filter((forward) => isStale(forward, keep))
  const ports = new Set([
    ...[...rules, ...forwards].map(({ publicPort }) => publicPort),
    ...firewall.map((rule) => rule.startPort ?? 0)
  ])
  return [...ports].flatMap((port) =>
    retire(
      port,
      [...rules, ...forwards].filter(({ publicPort }) => publicPort === port),
      firewall.filter((rule) => (rule.startPort ?? 0) === port)
    )
  )
}

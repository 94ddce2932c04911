/** For a Service that cannot have what it wants: what it has keeps up with the nodes and with who may come in. Pure. */
import { chain, type Plan } from "./chains.ts"
import { type Claims, ipProtocolOf } from "./claims.ts"
import { makerOf } from "./jobIds.ts"
import { plan } from "./plan.ts"
import { planMoves } from "./planForwards.ts"
import { missing, type PlanInput, ruleKey, surplus } from "./planRule.ts"
import { Step } from "./steps.ts"
import type { ForwardTargets, Wanted, WantedMembers, WantedPort } from "./wanted.ts"

type SourcesOf = Pick<Wanted, "border" | "members" | "ruleSources" | "targets"> & Pick<WantedPort, "sources">

/** What a Service that is refused has, as it is, but with the sources that are wanted: what is revoked does not wait. */
export const planSources = (input: Omit<PlanInput, "wanted" | "retag">, of: SourcesOf): Plan["traffic"] => {
  const { own } = input
  const as = { protocol: undefined, algorithm: undefined, stickiness: undefined, sources: of.sources }
  const ports = [
    ...own.rules.map((rule) => ({ ...rule, via: "rule" as const, ipProtocol: ipProtocolOf(rule.protocol) })),
    ...own.forwards.map((forward) => ({
      ...forward,
      via: "forward" as const,
      ipProtocol: ipProtocolOf(forward.protocol)
    }))
  ].map(({ ipProtocol, privatePort, publicPort, via }) => ({
    ...as,
    port: publicPort,
    nodePort: privatePort,
    via,
    ipProtocol
  }))
  return plan({ ...input, retag: false, wanted: { ...of, ports, keep: undefined } }).traffic
}

/** Members only, of what exists: for a Service whose other demands are refused for now. */
export const planMembers = (
  serviceUid: string,
  own: Claims,
  members: WantedMembers,
  targets: ForwardTargets
): Plan => ({
  traffic: [
    ...own.rules.flatMap((rule) => {
      const vms = missing(members, rule.members)
      const port = rule.publicPort
      return chain(ruleKey(port), vms.length === 0 ? [] : [Step.AddMembers({ rule: { id: rule.id }, port, vms })])
    }),
    ...planMoves(makerOf(serviceUid, own.address), own, targets)
  ],
  cleanup: own.rules.flatMap((rule) => {
    const vms = surplus(members, rule.members)
    const port = rule.publicPort
    const steps = vms.length === 0 ? [] : [Step.RemoveMembers({ id: rule.id, port, vms })]
    return chain(`members ${port}`, steps, [ruleKey(port)])
  })
})

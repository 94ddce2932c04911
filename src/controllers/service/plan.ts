/**
 * Turns what is on an address into what a Service wants there: chains of steps in two stages. An empty plan is the proof
 * that all is well. Pure.
 *
 * The order, and why. In `traffic` each port is a chain of its own: a blocker goes directly before the create that needs
 * its port, a rule gets its members as soon as it exists, and the border of a port waits for no rule. Then the address
 * is published. In `cleanup` goes what no longer serves: traffic first moves, then leaves.
 */
import { planAdoption, withMarksGone } from "./adopt.ts"
import type { Chain, Plan } from "./chains.ts"
import { makerOf } from "./jobIds.ts"
import { covers, planBorder } from "./planBorder.ts"
import { planForwards } from "./planForwards.ts"
import { isOn, planRetirement } from "./planRetirement.ts"
import { isHeld, type PlanInput, planRule } from "./planRule.ts"
import { planTags } from "./planTags.ts"

const planBorders = (input: PlanInput): ReadonlyArray<Chain> => {
  const { own, service, wanted } = input
  if (wanted.border !== "firewall") return []
  return wanted.ports.flatMap((want) => {
    if (want.sources === undefined || isHeld(input, want)) return []
    const protocol = want.ipProtocol
    const border = planBorder({
      by: makerOf(service.uid, own.address),
      addressId: own.address.id,
      protocol,
      port: want.port,
      sources: want.sources,
      ours: own.firewall.filter((rule) => isOn(rule, want.port, protocol)),
      others: own.otherFirewall.filter((rule) => covers(rule, protocol, want.port))
    })
    return border === undefined ? [] : [border]
  })
}

/** The smallest set of steps on one address. */
export const plan = (input: PlanInput): Plan => {
  const { ports, targets } = input.wanted
  const perPort = ports.filter(({ via }) => via === "rule").map((want) => planRule(input, want))
  const { cluster, own, retag, service } = input
  const by = makerOf(service.uid, own.address)
  const forwards = planForwards({ ...input, by, targets, ports: ports.filter(({ via }) => via === "forward") })
  const traffic = withMarksGone(own, [...perPort.flatMap((part) => part.traffic), ...forwards, ...planBorders(input)])
  const retired = withMarksGone(own, planRetirement(own, ports))
  return {
    traffic,
    cleanup: [
      ...perPort.flatMap(({ cleanup }) => cleanup),
      ...retired,
      ...(retag ? [...planAdoption(own, cluster, service, [...traffic, ...retired]), ...planTags(input)] : [])
    ]
  }
}

/** Each kind of step as the one command that does it. */
import { Effect, Option } from "effect"
import { Acls } from "../../cloudstack/Acls.ts"
import { Addresses } from "../../cloudstack/Addresses.ts"
import { CloudStackError, Malformed } from "../../cloudstack/Api.ts"
import { Borders } from "../../cloudstack/Borders.ts"
import type { Pending } from "../../cloudstack/Jobs.ts"
import { LoadBalancers } from "../../cloudstack/LoadBalancers.ts"
import { Tags } from "../../cloudstack/Tags.ts"
import { FirewallRuleId, RuleId } from "../../domain/Cloud.ts"
import { MadeFirewallRules } from "./MadeFirewallRules.ts"
import type { RuleRef, Step } from "./steps.ts"

/** What the chains of one run have made so far. */
export interface Made {
  /** By public port. */
  readonly rules: Map<number, RuleId>
  readonly opened: Array<FirewallRuleId>
}

const ruleIdOf = (ref: RuleRef, made: Made): Effect.Effect<RuleId, CloudStackError> => {
  const id = "id" in ref ? ref.id : made.rules.get(ref.madeFor)
  return id === undefined ? Effect.fail(missingId("assignToLoadBalancerRule")) : Effect.succeed(id)
}

const missingId = (command: string) =>
  new CloudStackError({ command, reason: new Malformed({ text: "the answer names no object" }) })

const objectId = (command: string, pending: Pending): Effect.Effect<string, CloudStackError> =>
  pending.objectId === undefined ? Effect.fail(missingId(command)) : Effect.succeed(pending.objectId)

/** None where there is nothing to wait for: the role may not do it, and it is not needed. */
export const submit = Effect.fnUntraced(function* (step: Step, made: Made) {
  const balancers = yield* LoadBalancers
  switch (step._tag) {
    case "CreateRule": {
      const pending = yield* balancers.create(step.rule)
      const id = yield* objectId("createLoadBalancerRule", pending)
      made.rules.set(step.rule.publicPort, RuleId.make(id))
      return Option.some(pending)
    }
    case "UpdateRule":
      return Option.some(yield* balancers.update(step.id, step.change))
    case "DeleteRule":
      return Option.some(yield* balancers.remove(step.id))
    case "AddMembers":
      return Option.some(yield* balancers.assign(yield* ruleIdOf(step.rule, made), step.vms))
    case "RemoveMembers":
      return Option.some(yield* balancers.unassign(step.id, step.vms))
    case "OpenBorder": {
      const { addressId, cidrs, port, protocol } = step
      const pending = yield* (yield* Borders).open({ addressId, cidrs, port, protocol })
      const id = FirewallRuleId.make(yield* objectId("createFirewallRule", pending))
      yield* (yield* MadeFirewallRules).remember(id)
      made.opened.push(id)
      return Option.some(pending)
    }
    case "OpenAcl":
      return Option.some(yield* (yield* Acls).create(step.item))
    case "UpdateAcl":
      return Option.some(yield* (yield* Acls).update(step.id, step.change))
    case "CloseAcl":
      return Option.some(yield* (yield* Acls).remove(step.id))
    case "CloseBorder": {
      const pending = yield* (yield* Borders).close(step.id)
      yield* (yield* MadeFirewallRules).forget(step.id)
      return Option.some(pending)
    }
    case "TagBorders":
      return yield* (yield* Tags).add("FirewallRule", step.ids, step.tags)
    case "TagAddress":
      return yield* (yield* Tags).add("PublicIpAddress", [step.id], step.tags)
    case "ReleaseAddress":
      return Option.some(yield* (yield* Addresses).disassociate(step.id))
  }
})

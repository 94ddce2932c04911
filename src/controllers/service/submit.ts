/** Each kind of step as the one command that does it. */
import { type Deferred, Effect, Option } from "effect"
import { Acls } from "../../cloudstack/Acls.ts"
import { Addresses } from "../../cloudstack/Addresses.ts"
import { CloudStackError, Malformed } from "../../cloudstack/Api.ts"
import { Borders } from "../../cloudstack/Borders.ts"
import { Forwards } from "../../cloudstack/Forwards.ts"
import type { Pending } from "../../cloudstack/Jobs.ts"
import { LoadBalancers } from "../../cloudstack/LoadBalancers.ts"
import { Tags } from "../../cloudstack/Tags.ts"
import { adoptionKeys } from "../../domain/Adoption.ts"
import { FirewallRuleId, ForwardId, RuleId } from "../../domain/Cloud.ts"
import { forwarding, opening } from "./jobIds.ts"
import type { RuleRef, Step } from "./steps.ts"
import { unusedId } from "./unmarked.ts"
import { verifySources } from "./verifySources.ts"

/** What the chains of one run have made so far. */
export interface Made {
  /** By public port. */
  readonly rules: Map<number, RuleId>
  /** By public port of a rule that is to be made: whether it is there to say whose its border is. */
  readonly taken: ReadonlyMap<number, Deferred.Deferred<boolean>>
  readonly opened: Array<FirewallRuleId>
  readonly forwarded: Array<ForwardId>
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
      const id = RuleId.make(yield* objectId("createLoadBalancerRule", pending))
      if (step.verify) {
        const verified = verifySources(balancers, "createLoadBalancerRule", id, step.rule.cidrs ?? [])
        // A rule that lets in whom it should not is no rule.
        yield* Effect.tapError(verified, () => Effect.flatMap(balancers.remove(id), ({ done }) => done))
      }
      made.rules.set(step.rule.publicPort, id)
      return Option.some(pending)
    }
    case "UpdateRule": {
      const { change, id, verify } = step
      const pending = yield* balancers.update(id, change)
      if (!verify) return Option.some(pending)
      const verified = verifySources(balancers, "updateLoadBalancerRule", id, change.cidrs ?? [])
      return Option.some({ ...pending, done: Effect.tap(pending.done, () => verified) })
    }
    case "DeleteRule":
      return Option.some(yield* balancers.remove(step.id))
    case "AddMembers":
      return Option.some(yield* balancers.assign(yield* ruleIdOf(step.rule, made), step.vms))
    case "RemoveMembers":
      return Option.some(yield* balancers.unassign(step.id, step.vms))
    case "OpenBorder": {
      const { addressId, cidrs, port, protocol } = step
      const jobId = yield* unusedId({ ...step.by, addressId, what: opening(protocol, port, cidrs) })
      const pending = yield* (yield* Borders).open({ addressId, cidrs, port, protocol, jobId })
      const id = FirewallRuleId.make(yield* objectId("createFirewallRule", pending))
      made.opened.push(id)
      return Option.some(pending)
    }
    case "OpenAcl":
      return Option.some(yield* (yield* Acls).create(step.item))
    case "UpdateAcl":
      return Option.some(yield* (yield* Acls).update(step.id, step.change))
    case "CloseAcl":
      return Option.some(yield* (yield* Acls).remove(step.id))
    case "CloseBorder":
      return Option.some(yield* (yield* Borders).close(step.id))
    case "SetStickiness":
      return Option.some(yield* balancers.stick(yield* ruleIdOf(step.rule, made), step.stickiness))
    case "ClearStickiness":
      return Option.some(yield* balancers.unstick(step.id))
    case "CreateForward": {
      const { addressId, privatePort, protocol, publicPort, vmId } = step.forward
      const what = forwarding(protocol, publicPort, privatePort, vmId)
      const jobId = yield* unusedId({ ...step.by, addressId, what })
      const pending = yield* (yield* Forwards).create({ ...step.forward, jobId })
      const id = ForwardId.make(yield* objectId("createPortForwardingRule", pending))
      made.forwarded.push(id)
      return Option.some(pending)
    }
    case "DeleteForward":
      return Option.some(yield* (yield* Forwards).remove(step.id))
    case "TagForwards":
      return yield* (yield* Tags).add("PortForwardingRule", step.ids, step.tags)
    case "UntagAddress":
      return yield* (yield* Tags).remove("PublicIpAddress", [step.id], step.keys)
    case "TagRules":
      return yield* (yield* Tags).add("LoadBalancer", step.ids, step.tags)
    case "UntagRules":
      return yield* (yield* Tags).remove("LoadBalancer", step.ids, adoptionKeys)
    case "TagBorders":
      return yield* (yield* Tags).add("FirewallRule", step.ids, step.tags)
    case "TagAddress":
      return yield* (yield* Tags).add("PublicIpAddress", [step.id], step.tags)
    case "ReleaseAddress":
      return Option.some(yield* (yield* Addresses).disassociate(step.id))
  }
})

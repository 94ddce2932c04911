/** `LoadBalancers` over the calls. */
import { Effect, Layer } from "effect"
import type { RuleId, VmId } from "../../domain/Cloud.ts"
import { Jobs } from "../Jobs.ts"
import { Lists } from "../Lists.ts"
import { LoadBalancers, type RuleChange } from "../LoadBalancers.ts"
import { instances, policies, rules } from "../schemas/loadBalancers.ts"
import { isForbiddenCommand } from "./absence.ts"

/** A rule has one policy, so the name need not tell them apart. */
const policyName = "cloudstack-ccm"

export const layer: Layer.Layer<LoadBalancers, never, Lists | Jobs> = Layer.effect(
  LoadBalancers,
  Effect.gen(function* () {
    const lists = yield* Lists
    const jobs = yield* Jobs
    const membership = (command: string) => (id: RuleId, vms: ReadonlyArray<VmId>) =>
      jobs.submit(command, { id, virtualmachineids: vms.join(",") })
    return LoadBalancers.of({
      list: Effect.fn("LoadBalancers.list")(({ addressId, id, vmId } = {}) =>
        lists.all(
          "listLoadBalancerRules",
          {
            ...(id === undefined ? {} : { id }),
            ...(addressId === undefined ? {} : { publicipid: addressId }),
            ...(vmId === undefined ? {} : { virtualmachineid: vmId })
          },
          rules
        )
      ),
      members: Effect.fn("LoadBalancers.members")((id) =>
        lists.unpaged("listLoadBalancerRuleInstances", { id }, instances).pipe(
          Effect.map((found) => found.map((vm) => vm.id)),
          Effect.asSome,
          Effect.catchReason("CloudStackError", "NotFound", () => Effect.succeedNone)
        )
      ),
      policies: Effect.fn("LoadBalancers.policies")((id) =>
        lists.unpaged("listLBStickinessPolicies", { lbruleid: id }, policies).pipe(
          Effect.map((found) => found.flatMap((one) => one.policies)),
          Effect.asSome,
          Effect.catchReason("CloudStackError", "NotFound", () => Effect.succeedNone),
          Effect.catchIf(isForbiddenCommand, () => Effect.succeedNone)
        )
      ),
      stick: Effect.fn("LoadBalancers.stick")((id, { method, params }) =>
        jobs.submit("createLBStickinessPolicy", {
          lbruleid: id,
          name: policyName,
          methodname: method,
          ...Object.fromEntries(
            Object.entries(params).flatMap(([name, value], index) => [
              [`param[${index}].name`, name],
              [`param[${index}].value`, value]
            ])
          )
        })
      ),
      unstick: Effect.fn("LoadBalancers.unstick")((id) => jobs.submit("deleteLBStickinessPolicy", { id })),
      create: Effect.fn("LoadBalancers.create")((rule) =>
        jobs.submit("createLoadBalancerRule", {
          publicipid: rule.addressId,
          ...(rule.networkId === undefined ? {} : { networkid: rule.networkId }),
          name: rule.name,
          description: rule.description,
          publicport: `${rule.publicPort}`,
          privateport: `${rule.privatePort}`,
          algorithm: rule.algorithm,
          // A rule without one cannot be updated later.
          protocol: rule.protocol,
          // The server would let everybody in, and only over TCP.
          openfirewall: "false",
          ...(rule.cidrs === undefined ? {} : { cidrlist: rule.cidrs.join(",") })
        })
      ),
      update: Effect.fn("LoadBalancers.update")((id, change) =>
        jobs.submit("updateLoadBalancerRule", { id, ...changeParameters(change) })
      ),
      remove: Effect.fn("LoadBalancers.remove")((id) => jobs.submit("deleteLoadBalancerRule", { id })),
      assign: Effect.fn("LoadBalancers.assign")(membership("assignToLoadBalancerRule")),
      unassign: Effect.fn("LoadBalancers.unassign")(membership("removeFromLoadBalancerRule"))
    })
  })
)

/** An update takes bare commas only; an empty list clears the restriction. */
const changeParameters = ({ cidrs, ...texts }: RuleChange): Readonly<Record<string, string>> => ({
  ...texts,
  ...(cidrs === undefined ? {} : { cidrlist: cidrs.join(",") })
})

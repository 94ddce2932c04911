/** Load balancer rules: update, delete, list. */
import { Result } from "effect"
import { isRoot, owns, scope } from "../access.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { broken, deny, refuse } from "../errors.ts"
import { keywordMatcher, optional, paged, same, tagFilter } from "../lists.ts"
import { isCidr4 } from "../net.ts"
import type { LoadBalancerRule } from "../records.ts"
import { routerRefusal, unknownProtocol } from "../routerRules.ts"
import { balancerText, ruleView } from "../ruleViews.ts"
import { put, type State } from "../state.ts"
import { removeRule } from "../teardown.ts"

const pushesOf = (state: State, rule: LoadBalancerRule) =>
  state.networks.get(rule.network)?.state === "Implemented" ? [rule.network] : []

const updateLoadBalancerRule: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      run: (state) =>
        Result.gen(function* () {
          const rule = state.rules.get(id)
          if (rule === undefined) return yield* refuse(`Unable to find lb rule ${id}`)
          if (!owns(state, caller, rule.owner)) return yield* deny()
          const protocol = args.text("protocol")?.trim() === "" ? undefined : args.text("protocol")
          const cidrs = args.items("cidrlist")
          const sent = [args.text("name"), args.text("description"), args.text("algorithm"), protocol, cidrs]
          const own = isRoot(caller) && args.flag("fordisplay") !== undefined
          if (sent.every((value) => value === undefined) && !own) {
            return yield* broken(`Failed to update load balancer rule: ${balancerText(rule, "Add")}`)
          }
          if (cidrs?.some((cidr) => !isCidr4(cidr)) === true) {
            return yield* refuse(`Invalid CIDR list: ${cidrs.join(",")}`)
          }
          const changed: LoadBalancerRule = {
            ...rule,
            name: args.text("name") ?? rule.name,
            description: args.text("description") ?? rule.description,
            algorithm: args.text("algorithm") ?? rule.algorithm,
            protocol: protocol ?? rule.protocol,
            cidrs: cidrs?.join(",") ?? rule.cidrs
          }
          // The router judges the whole rule as it would be: also what came to be before there was a router.
          const network = state.networks.get(rule.network)
          const refusal = network === undefined ? undefined : routerRefusal(network, changed.protocol, rule.publicPort)
          if (refusal === "unsupported") {
            return yield* refuse(`Modifications in lb rule ${balancerText(changed)} are not supported.`)
          }
          if (refusal === "unknown") return yield* refuse(unknownProtocol(changed.protocol ?? ""))
          const done = { ...state, rules: put(state.rules, changed) }
          return {
            state: done,
            result: { loadbalancer: ruleView(done, { ...changed, state: "Add" }) },
            pushes: pushesOf(state, rule),
            // The change is stored and then compared with a protocol that is not there.
            ...(changed.protocol === undefined ? { failure: { code: 530, text: missingProtocol } } : {})
          }
        })
    })
  )
}

const missingProtocol =
  'Cannot invoke "String.equals(Object)" because the return value of "com.cloud.network.dao.LoadBalancerVO.getLbProtocol()" is null'

const deleteLoadBalancerRule: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      begin: (state) => {
        const rule = state.rules.get(id)
        return rule === undefined
          ? state
          : { ...state, rules: put(state.rules, { ...rule, state: "Deleting" as const }) }
      },
      run: (state) => {
        const rule = state.rules.get(id)
        if (rule === undefined) return refuse(`Unable to find load balancer rule ${id}`)
        if (!owns(state, caller, rule.owner)) return deny()
        return Result.succeed({ state: removeRule(state, id), result: success, pushes: pushesOf(state, rule) })
      }
    })
  )
}

const listLoadBalancerRules: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const matches = keywordMatcher(args.text("keyword"))
    const name = args.text("name")
    const vm = args.text("virtualmachineid")
    const found = [...state.rules.values()].filter(
      (rule) =>
        visible(rule.owner) &&
        optional(id, rule.id) &&
        (name === undefined || same(name, rule.name)) &&
        optional(args.text("publicipid"), rule.address) &&
        optional(args.text("networkid"), rule.network) &&
        optional(args.text("zoneid"), state.networks.get(rule.network)?.zone) &&
        (vm === undefined || rule.members.some((member) => member.vm === vm)) &&
        matches(rule.name, rule.description) &&
        tagged(rule.id)
    )
    return answered(state, yield* paged(state, args, "loadbalancerrule", found, (rule) => ruleView(state, rule)))
  })

export const loadBalancerCommands: Readonly<Record<string, Handler>> = {
  updateLoadBalancerRule,
  deleteLoadBalancerRule,
  listLoadBalancerRules
}

/** Stickiness policies of load balancer rules, and the health check policies the virtual router does not have. */
import { Result } from "effect"
import { owns, requireOwner } from "../access.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { apiError, broken, deny, refuse } from "../errors.ts"
import { same, unpaged } from "../lists.ts"
import type { StickinessPolicy } from "../records.ts"
import { balancerText, stickinessView } from "../ruleViews.ts"
import { drop, mint, policiesOfRule, put, type State } from "../state.ts"
import { stickinessMethods as methods } from "../stickinessMethods.ts"

const flags: ReadonlySet<string> = new Set(["nocache", "indirect", "postonly", "request-learn", "prefix"])

/** The router's own check of values: durations end in d, h, m or s, table sizes in k, m or g. */
const badValue = (method: string, params: Readonly<Record<string, string>>): string | undefined => {
  const time = /^\d+[dhms]$/
  const value = (name: string) => Object.entries(params).find(([key]) => same(key, name))?.[1]
  const wrong = (name: string, form: RegExp, what: string) => {
    const sent = value(name)
    return sent === undefined || form.test(sent) ? undefined : `${name} is not ${what}: ${sent}`
  }
  if (method === "SourceBased") {
    return wrong("expire", time, "in timeformat") ?? wrong("tablesize", /^\d+[kmg]$/, "in size format")
  }
  if (method !== "AppCookie") return undefined
  return wrong("length", /^\d+$/, "a number") ?? wrong("holdtime", /^\d+[dhms]?$/, "in timeformat")
}

const pushesOf = (state: State, network: string) =>
  state.networks.get(network)?.state === "Implemented" ? [network] : []

const createLBStickinessPolicy: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const rule = state.rules.get(args.text("lbruleid") ?? "")
    if (rule === undefined) return yield* refuse(`Failed: LB rule id: ${args.text("lbruleid")} not present `)
    yield* requireOwner(state, caller, rule.owner)
    if (rule.state === "Deleting") return yield* refuse(`Failed: LB rule: ${balancerText(rule)} is in deleting state: `)
    const wanted = args.text("methodname") ?? ""
    const method = Object.keys(methods).find((name) => name.toLowerCase() === wanted.toLowerCase())
    if (method === undefined) {
      return yield* refuse(`Failed to match Stickiness method name for LB rule:${rule.n}`)
    }
    const params: Record<string, string> = {}
    for (const { name = "", value } of args.entries("param") ?? []) {
      const known = methods[method]?.find((candidate) => same(candidate, name))
      if (known === undefined) {
        return yield* refuse(`Failed : Stickiness policy does not support param name :${name}`)
      }
      if (value === undefined && !flags.has(known))
        return yield* refuse(`Failed : Value expected for the Param :${known}`)
      params[name] = value ?? "null"
    }
    const existing = policiesOfRule(state.policies, rule.id)
    if (existing.length > 1) {
      return yield* refuse(`Failed to create Stickiness policy: Already two policies attached ${rule.n}`)
    }
    const bad = pushesOf(state, rule.network).length === 0 ? undefined : badValue(method, params)
    if (bad !== undefined) return yield* refuse(`Failed LB in validation rule id: ${rule.n} Cause: ${bad}`)
    const [minted, row] = mint(state)
    const policy: StickinessPolicy = {
      ...row,
      rule: rule.id,
      name: args.text("name") ?? "",
      description: args.text("description"),
      method: wanted,
      params
    }
    return submitted(
      { ...minted, policies: put(minted.policies, policy) },
      {
        instanceType: "None",
        undo: (state) => ({ ...state, policies: drop(state.policies, policy.id) }),
        run: (state) => {
          if (!state.policies.has(policy.id)) return broken("Failed to create stickiness policy")
          // The new policy takes the place of the one before.
          const older = policiesOfRule(state.policies, rule.id).filter(({ id }) => id !== policy.id)
          const policies = drop(state.policies, ...older.map(({ id }) => id))
          return Result.succeed({
            state: { ...state, policies },
            result: { stickinesspolicies: stickinessView(state, rule, [policy]) },
            pushes: pushesOf(state, rule.network)
          })
        }
      },
      policy.id
    )
  })

const deleteLBStickinessPolicy: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      run: (state) => {
        const policy = state.policies.get(id)
        const rule = state.rules.get(policy?.rule ?? "")
        if (policy === undefined || rule === undefined) return refuse(`Invalid Load balancer policy id value: ${id}`)
        if (!owns(state, caller, rule.owner)) return deny()
        return Result.succeed({
          state: { ...state, policies: drop(state.policies, id) },
          result: success,
          pushes: pushesOf(state, rule.network)
        })
      }
    })
  )
}

const listLBStickinessPolicies: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const ruleId = args.text("lbruleid")
    if (id === undefined && ruleId === undefined) {
      return yield* refuse("load balancer rule ID and stickiness policy ID can't be null")
    }
    const policy = state.policies.get(id ?? "")
    if (id !== undefined && policy === undefined) return yield* refuse("stickiness policy ID doesn't exist")
    const rule = state.rules.get(ruleId ?? policy?.rule ?? "")
    if (policy !== undefined && policy.rule !== (ruleId ?? policy.rule)) {
      return yield* refuse(`stickiness policy ID doesn't belong to lbId${rule?.n ?? ruleId}`)
    }
    // A number is believed to be a rule's: of one that does not exist there is nothing to list.
    if (rule === undefined) return answered(state, {})
    yield* requireOwner(state, caller, rule.owner)
    const policies = policiesOfRule(state.policies, rule.id).filter(
      ({ id }) => policy === undefined || policy.id === id
    )
    return answered(
      state,
      unpaged("stickinesspolicies", [rule], () => stickinessView(state, rule, policies))
    )
  })

const createLBHealthCheckPolicy: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const rule = state.rules.get(args.text("lbruleid") ?? "")
    if (rule === undefined) return yield* refuse(`Failed: LB rule id: ${args.text("lbruleid")} not present `)
    yield* requireOwner(state, caller, rule.owner)
    if (rule.state === "Deleting") return yield* refuse(`Failed: LB rule: ${balancerText(rule)} is in deleting state: `)
    return yield* apiError(
      430,
      `Failed to create HealthCheck policy: Validation Failed (HealthCheck Policy is not supported by LB Provider for the LB rule:${balancerText(rule)})`
    )
  })

const listLBHealthCheckPolicies: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const rule = state.rules.get(args.text("lbruleid") ?? "")
    if (rule === undefined)
      return yield* refuse("Either load balancer rule ID or health check policy ID should be specified")
    yield* requireOwner(state, caller, rule.owner)
    return answered(
      state,
      unpaged("healthcheckpolicies", [rule], () => {
        const { lbruleid, stickinesspolicy: none, ...owner } = stickinessView(state, rule, [])
        return { lbruleid, ...owner, healthcheckpolicy: none }
      })
    )
  })

export const stickinessCommands: Readonly<Record<string, Handler>> = {
  createLBStickinessPolicy,
  deleteLBStickinessPolicy,
  listLBStickinessPolicies,
  createLBHealthCheckPolicy,
  listLBHealthCheckPolicies
}

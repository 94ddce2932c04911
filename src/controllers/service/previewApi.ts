/**
 * CloudStack as a rehearsal sees it: what only looks is passed on, what changes something is written down and answered as
 * if it had been done. What such an answer names does not exist, so questions about it are answered here as well.
 */
import { Context, Effect, Layer } from "effect"
import {
  type Answer,
  CloudStackApi,
  CloudStackError,
  Forbidden,
  NotFound,
  type Parameters
} from "../../cloudstack/Api.ts"
import { makeLists } from "./previewLists.ts"

/** One call that changes something. Ids of what does not exist yet begin with `(new `. */
export interface PlannedCall {
  readonly command: string
  readonly parameters: Parameters
  /** The network's virtual router has to take new rules for it. */
  readonly router: boolean
}

/** The calls since the last time they were taken. */
export class Rehearsal extends Context.Service<
  Rehearsal,
  { readonly takeCalls: Effect.Effect<ReadonlyArray<PlannedCall>> }
>()("ccm/controllers/service/Rehearsal") {}

const reads = /^(list|get|query)/

/** A rule without members, an address without rules and a tag mean nothing to a router. */
const routerCommands: ReadonlySet<string> = new Set([
  "assignToLoadBalancerRule",
  "createFirewallRule",
  "createLBStickinessPolicy",
  "createNetworkACL",
  "createPortForwardingRule",
  "deleteFirewallRule",
  "deleteLBStickinessPolicy",
  "deleteLoadBalancerRule",
  "deleteNetworkACL",
  "deletePortForwardingRule",
  "disassociateIpAddress",
  "removeFromLoadBalancerRule",
  "updateLoadBalancerRule",
  "updateNetworkACLItem"
])

const creates = /^(create|associate)(?!Tags)/

const removes = /^delete(?!Tags)/

/** Of the job's id nobody needs to know: it is chosen anew each time. */
const shown = ({ customjobid: _, ...parameters }: Parameters): Parameters => parameters

const addressOf = (id: string, parameters: Parameters): Answer => ({
  id,
  ipaddress: parameters["ipaddress"] ?? "(new)",
  state: "Allocated",
  ...(parameters["networkid"] === undefined ? {} : { associatednetworkid: parameters["networkid"] }),
  ...(parameters["vpcid"] === undefined ? {} : { vpcid: parameters["vpcid"] })
})

const make = Effect.gen(function* () {
  const api = yield* CloudStackApi
  const rights = new Map<string, boolean>()
  const numbers = new Map<string, number>()
  const made = new Map<string, Answer>()
  const updated = new Map<string, Parameters>()
  const jobs = new Map<string, Answer>()
  const gone = new Set<string>()
  const untagged = new Set<string>()
  const list = makeLists(api, { gone, untagged })
  let calls: ReadonlyArray<PlannedCall> = []

  /** False only if the role certainly may not: a role that may not even ask is taken to be allowed. */
  const may = Effect.fnUntraced(function* (command: string) {
    const known = rights.get(command)
    if (known !== undefined) return known
    const allowed = yield* api.call("listApis", { name: command }).pipe(
      Effect.map(({ api: found }) => Array.isArray(found) && found.length > 0),
      Effect.catchReason("CloudStackError", "Forbidden", () => Effect.succeed(true)),
      Effect.catchReason("CloudStackError", "Refused", () => Effect.succeed(false))
    )
    rights.set(command, allowed)
    return allowed
  })

  const nameOf = (command: string): string => {
    const kind = command.replace(creates, "")
    const number = (numbers.get(kind) ?? 0) + 1
    numbers.set(kind, number)
    return `(new ${kind}${number === 1 ? "" : ` ${number}`})`
  }

  const change = Effect.fnUntraced(function* (command: string, parameters: Parameters) {
    if (!(yield* may(command))) {
      const reason = new Forbidden({ what: "command", text: "the role may not use it" })
      return yield* new CloudStackError({ command, reason })
    }
    calls = [...calls, { command, parameters: shown(parameters), router: routerCommands.has(command) }]
    const jobId = parameters["customjobid"] ?? `(job ${jobs.size + 1})`
    if (!creates.test(command)) {
      if (removes.test(command)) gone.add(parameters["id"] ?? "")
      if (command === "deleteTags") for (const id of (parameters["resourceids"] ?? "").split(",")) untagged.add(id)
      if (command === "updateLoadBalancerRule") updated.set(parameters["id"] ?? "", parameters)
      jobs.set(jobId, { success: true })
      return { jobid: jobId }
    }
    const id = nameOf(command)
    const object = command === "associateIpAddress" ? addressOf(id, parameters) : { ...shown(parameters), id }
    made.set(id, object)
    jobs.set(jobId, command === "associateIpAddress" ? { ipaddress: object } : { [command]: object })
    return { jobid: jobId, id }
  })

  const read = Effect.fnUntraced(function* (command: string, parameters: Parameters) {
    const result = jobs.get(parameters["jobid"] ?? "")
    if (command === "queryAsyncJobResult" && result !== undefined) {
      return { jobstatus: 1, jobresultcode: 0, jobresult: result } satisfies Answer
    }
    const object = made.get(parameters["id"] ?? "")
    if (command === "listLoadBalancerRules" && object !== undefined) {
      return { count: 1, loadbalancerrule: [object] } satisfies Answer
    }
    if (Object.values(parameters).some((value) => made.has(value))) {
      return yield* new CloudStackError({ command, reason: new NotFound({ text: "it does not exist yet" }) })
    }
    const answer = yield* list(command, parameters)
    const found = answer["loadbalancerrule"]
    if (command !== "listLoadBalancerRules" || !Array.isArray(found)) return answer
    return { ...answer, loadbalancerrule: found.map((rule) => ({ ...rule, ...updated.get(String(rule.id)) })) }
  })

  const rehearsed = CloudStackApi.of({
    call: (command, parameters) => (reads.test(command) ? read(command, parameters) : change(command, parameters))
  })
  const takeCalls = Effect.sync(() => {
    const taken = calls
    calls = []
    return taken
  })
  return Context.make(CloudStackApi, rehearsed).pipe(Context.add(Rehearsal, { takeCalls }))
})

/** Takes the place of the CloudStack that it asks. */
export const layer: Layer.Layer<CloudStackApi | Rehearsal, never, CloudStackApi> = Layer.effectContext(make)

/** The table of asynchronous jobs: submitting, finishing, showing and forgetting them. */
import { HashMap, Result } from "effect"
import type { Content, JobDone, JobPlan } from "./command.ts"
import { type ApiError, broken, jobCode, refuse } from "./errors.ts"
import type { Account, Job } from "./records.ts"
import { drop, jobOf, mint, put, rowOf, type State } from "./state.ts"
import { compact, dateText, type Json } from "./views.ts"

/** `job.expire.minutes`: a day. */
const expiryMillis = 24 * 60 * 60 * 1000

const isExpired = (job: Job, now: number): boolean => job.completed !== undefined && now - job.completed >= expiryMillis

/** Forgets the job that is asked for if its day is over, and now and then all such jobs. */
export const forgetExpired = (state: State, asked: string | undefined, now: number): State => {
  const job = asked === undefined ? undefined : jobOf(state, asked.toLowerCase())
  const left = job !== undefined && isExpired(job, now) ? HashMap.remove(state.jobs, job.id) : state.jobs
  if (now - state.swept < expiryMillis) return left === state.jobs ? state : { ...state, jobs: left }
  return { ...state, jobs: HashMap.filter(left, (job) => !isExpired(job, now)), swept: now }
}

const idPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The id a caller chose for a job; it is looked at only after the create phase. */
export const checkCustomId = (state: State, id: string | undefined): Result.Result<void, ApiError> => {
  if (id === undefined) return Result.succeed(undefined)
  if (!idPattern.test(id)) return refuse(`UUID: ${id} doesn't follow the UUID format`)
  return HashMap.has(state.jobs, id.toLowerCase())
    ? broken(`Unable to submit the job: Duplicate entry '${id}' for key 'uuid'`, 9999)
    : Result.succeed(undefined)
}

export const addJob = (
  state: State,
  caller: Account,
  command: string,
  plan: JobPlan,
  customId: string | undefined,
  now: number
): readonly [State, Job] => {
  const [minted, row] = mint(state)
  const job: Job = {
    n: row.n,
    id: customId?.toLowerCase() ?? row.id,
    command,
    account: caller.id,
    user: caller.userId,
    instanceType: plan.instanceType,
    instance: plan.instance,
    strayInstance: plan.strayInstance,
    status: 0,
    code: 0,
    result: undefined,
    created: now,
    completed: undefined
  }
  return [{ ...minted, jobs: HashMap.set(minted.jobs, job.id, job), pending: put(minted.pending, job) }, job]
}

const close = (state: State, id: string, now: number, end: Pick<Job, "status" | "code" | "result">): State => {
  const job = jobOf(state, id)
  if (job === undefined) return state
  const jobs = HashMap.set(state.jobs, id, { ...job, ...end, completed: now })
  return { ...state, jobs, pending: drop(state.pending, id) }
}

export const failureOf = (code: number, text: string | undefined): Content =>
  text === undefined ? { errorcode: code } : { errorcode: code, errortext: text }

/** Ends a job by its own outcome. `state` is the one the outcome was computed from. */
export const finishJob = (
  state: State,
  id: string,
  plan: JobPlan,
  outcome: Result.Result<JobDone, ApiError>,
  now: number
): State => {
  if (Result.isFailure(outcome)) {
    const code = jobCode(outcome.failure)
    const undone = plan.undo?.(state) ?? state
    return close(undone, id, now, { status: 2, code, result: failureOf(code, outcome.failure.text) })
  }
  const { failure, pushes = [], result, state: next } = outcome.success
  const counted = new Map(next.pushes)
  for (const network of pushes) counted.set(network, (counted.get(network) ?? 0) + 1)
  const pushed = pushes.length === 0 ? next : { ...next, pushes: counted }
  return failure === undefined
    ? close(pushed, id, now, { status: 1, code: 0, result })
    : close(pushed, id, now, { status: 2, code: failure.code, result: failureOf(failure.code, failure.text) })
}

/** Ends a job from outside: `result` may be missing, as with jobs that a restart has killed. */
export const failJob = (
  state: State,
  id: string,
  now: number,
  failure: { readonly code: number; readonly text?: string; readonly result: boolean }
): State =>
  close(state, id, now, {
    status: 2,
    code: failure.code,
    result: failure.result ? failureOf(failure.code, failure.text) : undefined
  })

const packages: ReadonlyArray<readonly [RegExp, string]> = [
  [/LoadBalancerRule|LBSticki|LBHealth|CertTo|CertFrom/, "loadbalancer"],
  [/FirewallRule|PortForwarding/, "firewall"],
  [/IpAddress/, "address"],
  [/Tags/, "tag"],
  [/NetworkACL|NetworkAcl/, "network"],
  [/StaticNat/, "nat"]
]

/** `cmd` is the name of a Java class. */
const className = (command: string): string => {
  const folder = packages.find(([pattern]) => pattern.test(command))?.[1] ?? "vm"
  const name =
    command === "associateIpAddress" || command === "disassociateIpAddress"
      ? command.replace("IpAddress", "IPAddr")
      : command.replace("VirtualMachine", "VM")
  return `org.apache.cloudstack.api.command.user.${folder}.${name.charAt(0).toUpperCase()}${name.slice(1)}Cmd`
}

/** The UUID of the object is looked up when the job is shown: a hard-deleted row has none any more. */
const instanceId = (state: State, job: Job): string | undefined =>
  job.strayInstance ?? (job.instance === undefined ? undefined : rowOf(state, job.instance.kind, job.instance.id)?.id)

export const jobView = (state: State, job: Job): Json =>
  compact({
    accountid: job.account,
    userid: job.user,
    cmd: className(job.command),
    jobstatus: job.status,
    jobprocstatus: 0,
    jobresultcode: job.code,
    jobresulttype: job.result === undefined ? undefined : "object",
    jobresult: job.result,
    jobinstancetype: job.instanceType,
    jobinstanceid: instanceId(state, job),
    created: dateText(job.created),
    completed: job.completed === undefined ? undefined : dateText(job.completed),
    jobid: job.id
  })

/**
 * Carries out chains of steps: side by side, each step with the timeout, retries and meaning of errors that its policy
 * gives. Knows no policy and decides nothing; what failed is returned, so that unrelated chains go on.
 */
import { Clock, Deferred, Effect, Fiber, Metric, Option, Schedule, Schema } from "effect"
import { CallPriority, CloudStackError, DeadlineExceeded } from "../../cloudstack/Api.ts"
import type { Pending } from "../../cloudstack/Jobs.ts"
import type { FirewallRuleId, ForwardId } from "../../domain/Cloud.ts"
import { parseDescription } from "../../domain/Ownership.ts"
import { driftRepaired, planSteps, routerCommands } from "../../observability/metrics.ts"
import { AddressLanes, addressLane } from "./AddressLanes.ts"
import type { Chain } from "./chains.ts"
import { describe, meaningOf, policies, pushesRouter, type Step } from "./steps.ts"
import { type Made, submit } from "./submit.ts"

/** A step that could not be done, and what that means. */
export class StepFailed extends Schema.TaggedError<StepFailed>()("StepFailed", {
  step: Schema.String,
  /** The rule that the server would not change, for `UpdateRule`. */
  ruleId: Schema.optionalKey(Schema.String),
  meaning: Schema.Literals(["again", "look", "refuse", "fail"]),
  error: CloudStackError
}) {
  override get message(): string {
    return `${this.step}: ${this.error.told}`
  }
}

export interface Outcome {
  /** Failures by key of the chain. */
  readonly failures: ReadonlyMap<string, StepFailed>
  readonly opened: ReadonlyArray<FirewallRuleId>
  readonly forwarded: ReadonlyArray<ForwardId>
}

const retryDelay = Schedule.jittered(Schedule.exponential("500 millis"))

/** Which lock of CloudStack the step takes. */
const laneOf = (step: Step): string | undefined => {
  switch (step._tag) {
    case "CreateRule":
      return addressLane(step.rule.addressId)
    case "OpenBorder":
      return addressLane(step.addressId)
    case "CreateForward":
      return addressLane(step.forward.addressId)
    default:
      return undefined
  }
}

/** A rule just made can be used at once, and its lock is free: its job is awaited beside the next steps. */
const awaitsJob = (step: Step): boolean => step._tag !== "CreateRule"

/**
 * The server takes a rule away again whose job fails. Where nothing but its description says whose the border of its
 * port is, there may be no border without it.
 */
const isProofOfBorder = (step: Step): boolean =>
  step._tag === "CreateRule" && parseDescription(step.rule.description)?.border === true

const failed = (step: Step, error: CloudStackError): StepFailed | undefined => {
  const meaning = meaningOf(step, error)
  if (meaning === "done") return undefined
  return new StepFailed({
    step: describe(step),
    ...(step._tag === "UpdateRule" ? { ruleId: step.id } : {}),
    meaning,
    error
  })
}

const done = (pending: Option.Option<Pending>) =>
  Option.isSome(pending) ? Effect.asVoid(pending.value.done) : Effect.void

/** For the log. */
const jobOf = (pending: Option.Option<Pending>) =>
  Option.isSome(pending) ? { command: pending.value.command, job: pending.value.jobId } : {}

const count = Effect.fnUntraced(function* (step: Step, network: string) {
  yield* Metric.update(planSteps.of({ step: step._tag, outcome: "done" }), 1)
  if (pushesRouter(step)) yield* Metric.update(routerCommands.of({ network }), 1)
  // Nothing in Kubernetes made it due.
  if ((yield* CallPriority) === "resync") yield* Metric.update(driftRepaired.of({ step: step._tag }), 1)
})

/**
 * The border of a new rule follows the rule, which says whose the border is. They wait for the same lock of CloudStack
 * anyway. Without its rule nothing is opened.
 */
const mayRun = (step: Step, made: Made): Effect.Effect<boolean> => {
  const taken = step._tag === "OpenBorder" ? made.taken.get(step.port) : undefined
  return taken === undefined ? Effect.succeed(true) : Deferred.await(taken)
}

const portsMade = (steps: ReadonlyArray<Step>): ReadonlyArray<number> =>
  steps.flatMap((step) => (step._tag === "CreateRule" ? [step.rule.publicPort] : []))

const tell = (steps: ReadonlyArray<Step>, made: Made, taken: boolean) =>
  Effect.forEach(
    portsMade(steps).flatMap((port) => made.taken.get(port) ?? []),
    (deferred) => Deferred.succeed(deferred, taken),
    { discard: true }
  )

/** Returns what is left to wait for. */
const run = Effect.fnUntraced(function* (step: Step, made: Made, network: string) {
  const lanes = yield* AddressLanes
  const policy = policies[step._tag]
  const lane = laneOf(step)
  if (!(yield* mayRun(step, made))) return Effect.void
  const start = yield* Clock.currentTimeMillis
  const whole = Effect.flatMap(submit(step, made), (pending) =>
    awaitsJob(step)
      ? Effect.as(done(pending), { pending, remaining: Effect.void })
      : Effect.succeed({ pending, remaining: done(pending) })
  )
  const bounded = whole.pipe(
    Effect.timeoutOrElse({
      duration: policy.timeout,
      orElse: () =>
        Effect.fail(
          new CloudStackError({ command: step._tag, reason: new DeadlineExceeded({ after: policy.timeout }) })
        )
    })
  )
  const { pending, remaining } = yield* (lane === undefined ? bounded : lanes.within(lane)(bounded)).pipe(
    Effect.retry({ schedule: retryDelay, times: policy.retries, while: (error) => meaningOf(step, error) === "again" }),
    Effect.catch((error) => {
      const failure = failed(step, error)
      const already = { pending: Option.none<Pending>(), remaining: Effect.void }
      return failure === undefined ? Effect.succeed(already) : Effect.fail(failure)
    }),
    Effect.tapError(() => Metric.update(planSteps.of({ step: step._tag, outcome: "failed" }), 1))
  )
  if (!isProofOfBorder(step)) yield* tell([step], made, true)
  yield* count(step, network)
  const millis = (yield* Clock.currentTimeMillis) - start
  yield* Effect.logInfo(describe(step), { step: step._tag, ...jobOf(pending), millis })
  const settled = Effect.catch(remaining, (error) => {
    const failure = failed(step, error)
    return failure === undefined ? Effect.void : Effect.fail(failure)
  })
  return Effect.andThen(settled, tell([step], made, true))
})

const runAll = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>, made: Made, network: string) {
  const waits = yield* Effect.forEach(steps, (step) =>
    Effect.flatMap(run(step, made, network), (wait) => Effect.forkChild(wait))
  )
  yield* Effect.forEach(waits, Fiber.join, { discard: true })
})

const runChain = (chain: Chain, made: Made, network: string) =>
  Effect.gen(function* () {
    const first = yield* Effect.result(
      Effect.ensuring(runAll(chain.steps, made, network), tell(chain.steps, made, false))
    )
    const rest = yield* Effect.result(runAll(chain.always, made, network))
    for (const part of [first, rest]) if (part._tag === "Failure") return yield* part.failure
  })

/**
 * `network` is whose router has to take the changes, for the metric. `before` = failures of an earlier stage: chains
 * that need one of those are left out.
 */
export const apply = Effect.fn("service.apply")(function* (
  chains: ReadonlyArray<Chain>,
  network: string,
  before: ReadonlyMap<string, StepFailed> = new Map()
) {
  const due = chains.filter((chain) => !chain.needs.some((key) => before.has(key)))
  const ports = due.flatMap(({ steps }) => portsMade(steps))
  const taken = new Map(ports.map((port) => [port, Deferred.makeUnsafe<boolean>()]))
  const made: Made = { rules: new Map(), taken, opened: [], forwarded: [] }
  const failures = new Map<string, StepFailed>()
  yield* Effect.forEach(
    due,
    (chain) =>
      Effect.catch(runChain(chain, made, network), (failure: StepFailed) => {
        failures.set(chain.key, failure)
        return Effect.logWarning(`failed: ${failure.step}`, failure.error)
      }),
    { concurrency: "unbounded", discard: true }
  )
  const outcome: Outcome = { failures, opened: made.opened, forwarded: made.forwarded }
  return outcome
})

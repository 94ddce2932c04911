/** The named checks behind /healthz, /livez and /readyz, and how upstream's health endpoint words their result. */
import { Context, Effect, Layer, Result, type Scope } from "effect"

export interface Check {
  readonly name: string
  /** `health` decides whether the process should be restarted, `readiness` only whether it can do its work yet. */
  readonly of: "health" | "readiness"
  /** Fails with a reason; it is shown to anybody, so it names no address and no secret. */
  readonly check: Effect.Effect<void, string>
}

export interface Report {
  readonly healthy: boolean
  readonly body: string
}

export class HealthChecks extends Context.Service<
  HealthChecks,
  {
    /** Until the scope closes. */
    readonly add: (check: Check) => Effect.Effect<void, never, Scope.Scope>
    readonly report: (path: "healthz" | "livez" | "readyz", query: URLSearchParams) => Effect.Effect<Report>
  }
>()("ccm/observability/HealthChecks") {
  static readonly layer = Layer.sync(HealthChecks, () => make())
}

/** What is checked while nothing has registered: that there is somebody to answer. */
const ping: Check = { name: "ping", of: "health", check: Effect.void }

const make = (): HealthChecks["Service"] => {
  const checks = new Set<Check>()

  const add = (check: Check) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        checks.add(check)
      }),
      () => Effect.sync(() => checks.delete(check))
    )

  const report = Effect.fnUntraced(function* (path: "healthz" | "livez" | "readyz", query: URLSearchParams) {
    const all = [...checks]
    const asked = all.filter((check) => path === "readyz" || check.of === "health")
    const excluded = new Set(query.getAll("exclude"))
    const lines: Array<string> = []
    const failed: Array<string> = []
    for (const { check, name, of } of asked.length === 0 ? [ping] : asked) {
      if (excluded.has(name)) {
        lines.push(`[+]${name} excluded: ok`)
        continue
      }
      const result = yield* Effect.result(check)
      if (Result.isSuccess(result)) {
        lines.push(`[+]${name} ok`)
        continue
      }
      // Upstream withholds reasons; why it is not ready yet is what an operator asks first.
      lines.push(`[-]${name} failed: ${of === "readiness" ? result.failure : "reason withheld"}`)
      failed.push(`${name}: ${result.failure}`)
    }
    if (failed.length > 0) {
      yield* Effect.logDebug("health check failed", { path, failed: failed.join("; ") })
      return { healthy: false, body: [...lines, `${path} check failed`, ""].join("\n") }
    }
    return { healthy: true, body: query.has("verbose") ? [...lines, `${path} check passed`, ""].join("\n") : "ok" }
  })

  return { add, report }
}

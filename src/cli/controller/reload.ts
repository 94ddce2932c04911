/** What is told about changed settings: a log line, a metric, and an Event on the Lease, where operators look. */
import { Effect, Metric, Option } from "effect"
import type { Reload } from "../../config/watch.ts"
import { Events } from "../../kubernetes/Events.ts"
import { Leases } from "../../kubernetes/Leases.ts"
import { configReloads } from "../../observability/metrics.ts"
import type { Flags } from "../flags/Flags.ts"

export const reporter = Effect.fnUntraced(function* (flags: Flags) {
  const events = yield* Events
  const leases = yield* Leases
  const namespace = flags["leader-elect-resource-namespace"]
  const name = flags["leader-elect-resource-name"]

  const record = Effect.fnUntraced(
    function* (type: "Normal" | "Warning", reason: string, message: string) {
      const lease = Option.getOrUndefined(yield* leases.get(namespace, name))
      if (lease === undefined) return
      const about = { kind: "Lease", apiVersion: "coordination.k8s.io/v1", namespace, name, uid: lease.uid } as const
      yield* events.record({ about, type, reason, message, component: "cloud-controller-manager" })
    },
    Effect.catch((error) => Effect.logWarning("no Event about the settings", error))
  )

  return Effect.fnUntraced(function* (reload: Reload) {
    yield* Metric.update(configReloads.of({ outcome: reload._tag === "Accepted" ? "accepted" : "rejected" }), 1)
    if (reload._tag === "Refused") {
      yield* Effect.logError("changed settings are not used, the old ones stay", { reason: reload.reason })
      return yield* record("Warning", "CloudConfigRefused", `The old settings stay: ${oneLine(reload.reason)}`)
    }
    for (const warning of reload.warnings) yield* Effect.logWarning(warning)
    yield* Effect.logInfo("changed settings are used from now on")
    yield* record("Normal", "CloudConfigReloaded", "Changed settings are used from now on")
  })
})

/** The API server takes 1024 characters. */
const oneLine = (text: string): string => {
  const line = text.replace(/:\s*\n\s*/g, ": ").replace(/\s*\n\s*/g, "; ")
  return line.length > 900 ? `${line.slice(0, 900)}…` : line
}

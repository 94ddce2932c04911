/** Watches a run and notes what must never be, whatever goes wrong: a finalizer or a word too early. */
import { Effect, Exit, Scope } from "effect"
import type { Events } from "../../../src/kubernetes/Events.ts"
import { objectAt, textAt, textsAt } from "../../../src/kubernetes/json.ts"
import { traces } from "./judge.ts"
import type { Stage } from "./stage.ts"
import type { Domain, Time } from "./time.ts"

const finalizer = "service.kubernetes.io/load-balancer-cleanup"

export const makeWitness = ({ before, kube, world }: Stage, time: Time, server: Domain, scope: Scope.Scope) => {
  const wrong = new Set<string>()
  const events: Array<string> = []

  /** Whether a user has edited a Service since something was begun for it. */
  const edited = new Map<string, boolean>()
  const specs = new Map<string, string>()

  /** Told whenever an Event says that something is so. */
  const check = (name: string, uid: string, reason: string) => {
    const found = Effect.runSync(Effect.exit(kube.object("services", `shop/${name}`)))
    const service = Exit.isSuccess(found) ? found.value : undefined
    if (reason === "DeletedLoadBalancer") {
      for (const trace of traces(before, world(), uid)) wrong.add(`DeletedLoadBalancer was said, and there is ${trace}`)
    }
    if (
      reason === "EnsuredLoadBalancer" &&
      edited.get(uid) !== true &&
      service !== undefined &&
      textAt(service, "metadata", "uid") === uid &&
      textAt(service, "spec", "type") === "LoadBalancer" &&
      textAt(service, "metadata", "deletionTimestamp") === ""
    ) {
      const list = objectAt(service, "status", "loadBalancer")["ingress"]
      if (!Array.isArray(list) || list.length === 0) wrong.add("EnsuredLoadBalancer was said, and no address is shown")
      else if (traces(before, world(), uid).length === 0)
        wrong.add("EnsuredLoadBalancer was said, and it is not served")
    }
  }

  const record: Events["Service"]["record"] = ({ about, message, reason }) =>
    Effect.sync(() => {
      events.push(`${reason} ${about.name}: ${message}`)
      if (reason === "EnsuringLoadBalancer") edited.set(about.uid, false)
      check(about.name, about.uid, reason)
    })

  // The finalizer is the last word: from the moment it is gone nothing may be left.
  const finalized = new Map<string, boolean>()
  time.sync(
    server,
    Scope.provide(
      kube.follow(({ object, plural, type }) => {
        if (plural !== "services") return
        const uid = textAt(object, "metadata", "uid")
        const spec = JSON.stringify(objectAt(object, "spec"))
        if (specs.get(uid) !== spec) edited.set(uid, true)
        specs.set(uid, spec)
        const has = textsAt(object, "metadata", "finalizers").includes(finalizer) && type !== "DELETED"
        if (finalized.get(uid) === true && !has) {
          for (const trace of traces(before, world(), uid)) wrong.add(`the finalizer is gone, and there is ${trace}`)
        }
        finalized.set(uid, has)
      }),
      scope
    )
  )

  return { record, events, wrong, blame: (what: string) => void wrong.add(what) }
}

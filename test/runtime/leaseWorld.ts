/** One Lease as an API server keeps it (versions, conflicts), doors that can be shut, and what was announced. */
import { Duration, Effect, Layer, Option } from "effect"
import { Events } from "../../src/kubernetes/Events.ts"
import { KubeError } from "../../src/kubernetes/KubeError.ts"
import { type Lease, type LeaseSpec, Leases } from "../../src/kubernetes/Leases.ts"
import { defaultTiming } from "../../src/runtime/electionTiming.ts"
import { LeaderElection } from "../../src/runtime/LeaderElection.ts"

export interface LeaseWorld {
  readonly lease: () => Lease | undefined
  /** Changes the object behind everybody's back. */
  readonly edit: (change: Partial<LeaseSpec>) => void
  readonly requests: Array<string>
  readonly announced: Array<string>
  /**
   * Answers of the API server, per candidate, or per candidate and operation: `ok`, `down` (503), `hang` (never), `mute`
   * (never, but it is done).
   */
  readonly door: Map<string, "ok" | "down" | "hang" | "mute">
  /** A candidate with its own way to the API server. */
  readonly candidate: (identity: string) => Layer.Layer<LeaderElection>
}

export const makeLeaseWorld = (): LeaseWorld => {
  let stored: Lease | undefined
  let version = 0
  const requests: Array<string> = []
  const announced: Array<string> = []
  const door = new Map<string, "ok" | "down" | "hang" | "mute">()
  const store = (lease: Omit<Lease, "resourceVersion">) => {
    version += 1
    stored = { ...lease, resourceVersion: String(version) }
    return stored
  }

  const through = <A>(who: string, operation: string, answer: () => Effect.Effect<A, KubeError>) =>
    Effect.suspend(() => {
      requests.push(`${who} ${operation}`)
      const state = door.get(`${who} ${operation}`) ?? door.get(who) ?? "ok"
      if (state === "hang") return Effect.never
      if (state === "mute") return Effect.andThen(answer(), Effect.never)
      return state === "ok" ? answer() : Effect.fail(new KubeError({ operation, status: 503, text: "down" }))
    })
  const conflict = (operation: string) => new KubeError({ operation, status: 409, text: "conflict" })

  const leasesOf = (who: string) =>
    Layer.succeed(Leases, {
      get: () => through(who, "get", () => Effect.succeed(Option.fromNullishOr(stored))),
      create: (namespace, name, spec) =>
        through(who, "create", () =>
          stored === undefined ? Effect.succeed(store({ namespace, name, uid: "u-1", ...spec })) : conflict("create")
        ),
      update: (lease, spec) =>
        through(who, "update", () =>
          stored?.resourceVersion === lease.resourceVersion
            ? Effect.succeed(store({ ...lease, ...spec }))
            : conflict("update")
        )
    })
  const events = Layer.succeed(Events, {
    record: ({ about, message, reason }) =>
      Effect.sync(() => {
        announced.push(`${reason} ${about.kind}/${about.name}: ${message}`)
      })
  })

  return {
    lease: () => stored,
    edit: (change) => {
      if (stored !== undefined) store({ ...stored, ...change })
    },
    requests,
    announced,
    door,
    candidate: (identity) =>
      LeaderElection.layerNoDeps({
        namespace: "kube-system",
        name: "cloud-controller-manager",
        identity,
        timing: defaultTiming
      }).pipe(Layer.provide(Layer.merge(leasesOf(identity), events)))
  }
}

export const seconds = (count: number) => Duration.seconds(count)

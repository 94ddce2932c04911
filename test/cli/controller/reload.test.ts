import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { reporter } from "../../../src/cli/controller/reload.ts"
import { parseFlags } from "../../../src/cli/flags/parse.ts"
import { Leases } from "../../../src/kubernetes/Leases.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../../src/kubernetes/memory/layers.ts"

const flags = Effect.suspend(() => {
  const parsed = parseFlags(["--cloud-provider=cloudstack", "--leader-elect-resource-name=ccm"])
  return parsed._tag === "Run" ? Effect.succeed(parsed.flags) : Effect.die(parsed)
})

const lease = Effect.flatMap(Leases, ({ create }) =>
  create("kube-system", "ccm", {
    holderIdentity: "a",
    leaseDurationSeconds: 15,
    acquireTime: 0,
    renewTime: 0,
    leaseTransitions: 0
  })
)

describe("what is told about changed settings", () => {
  it.effect("is an Event on the Lease", () =>
    Effect.gen(function* () {
      yield* lease
      const report = yield* Effect.flatMap(flags, reporter)
      yield* report({ _tag: "Refused", reason: "line 2: api-url: expected an http or https URL" })
      yield* report({ _tag: "Accepted", warnings: ["line 9: an unknown key is ignored"] })
      const events = yield* Effect.flatMap(KubeMemory, (memory) => memory.events)
      assert.deepStrictEqual(
        events.map(({ kind, message, name, namespace, reason, type }) => ({
          about: `${kind} ${namespace}/${name}`,
          type,
          reason,
          message
        })),
        [
          {
            about: "Lease kube-system/ccm",
            type: "Warning",
            reason: "CloudConfigRefused",
            message: "The old settings stay: line 2: api-url: expected an http or https URL"
          },
          {
            about: "Lease kube-system/ccm",
            type: "Normal",
            reason: "CloudConfigReloaded",
            message: "Changed settings are used from now on"
          }
        ]
      )
    }).pipe(Effect.provide(kubernetesMemory))
  )

  it.effect("does without an Event where there is no Lease", () =>
    Effect.gen(function* () {
      const report = yield* Effect.flatMap(flags, reporter)
      yield* report({ _tag: "Accepted", warnings: [] })
      assert.deepStrictEqual(yield* Effect.flatMap(KubeMemory, (memory) => memory.events), [])
    }).pipe(Effect.provide(Layer.fresh(kubernetesMemory)))
  )
})

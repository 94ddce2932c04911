import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../../src/kubernetes/memory/layers.ts"
import { kubeContract } from "../../support/kubeContract.ts"

describe("the API server in memory", () => {
  for (const [name, check] of Object.entries(kubeContract)) {
    it.effect(name, () => Effect.flatMap(KubeMemory, check).pipe(Effect.provide(kubernetesMemory)))
  }
})

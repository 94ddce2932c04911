import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { kinds } from "../../support/networkKinds.ts"
import { lifeIn, stepNames } from "../../support/networkLife.ts"
import { networksPage } from "../../support/networksPage.ts"

const forwardingForbidden =
  "ForwardingForbidden: spec.ports[2].protocol: port 53/UDP needs a port forwarding rule, which the key's role may not make. Allow createPortForwardingRule, listPortForwardingRules, deletePortForwardingRule and listApis to the role, or use TCP"

describe("the same life in every kind of network", () => {
  for (const kind of kinds) {
    it.effect(kind.name, () =>
      Effect.gen(function* () {
        const { refusal, steps } = yield* lifeIn(kind)
        const faults = [...steps].flatMap(([name, step]) => step.faults.map((fault) => `${name}: ${fault}`))
        assert.deepStrictEqual(faults, [])
        if (kind.border !== undefined) {
          assert.deepStrictEqual([...steps.keys()], [...stepNames])
          assert.strictEqual(refusal, kind.noForwards === undefined ? undefined : forwardingForbidden)
          return
        }
        assert.strictEqual(steps.get("create")?.commands, 0)
        assert.strictEqual(
          refusal,
          `NetworkUnsupported: network net1: ${kind.cause}. Give the nodes a NIC in an isolated network or VPC tier that has it and name it (network-id in the cloud-config, or the annotation service.beta.kubernetes.io/cloudstack-load-balancer-network), or leave the Service to another controller by loadBalancerClass`
        )
      })
    )
  }
})

describe("docs/networks.md", () => {
  it.live("shows what came of it (npm run docs)", () =>
    Effect.gen(function* () {
      const page = readFileSync(new URL("../../../docs/networks.md", import.meta.url), "utf8")
      assert.strictEqual(yield* networksPage(page), page)
    })
  )
})

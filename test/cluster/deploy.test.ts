/** The shipped manifests, judged by the API server they are meant for. */
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { ControlPlane } from "./ControlPlane.ts"
import { suite } from "./suite.ts"

const base = join(import.meta.dirname, "../../deploy/kustomize/base")
const theirs = join(import.meta.dirname, "fixtures/go-provider.yaml")
const examples = join(import.meta.dirname, "../../deploy/examples")

const Deployment = Schema.fromJsonString(
  Schema.Struct({
    spec: Schema.Struct({ template: Schema.Struct({ spec: Schema.Record(Schema.String, Schema.Unknown) }) })
  })
)

suite("deploy", ControlPlane.layer, (it) => {
  it.effect(
    "the kustomize base is accepted over the Apache provider's manifest and takes its rights back to what is needed",
    () =>
      Effect.gen(function* () {
        const { kubectl } = yield* ControlPlane
        yield* kubectl(["apply", "-f", theirs])
        yield* kubectl(["apply", "-k", base])
        const as = "--as=system:serviceaccount:kube-system:cloud-controller-manager"
        const may = yield* Effect.exit(kubectl(["auth", "can-i", "patch", "services", as]))
        assert.strictEqual(may._tag, "Failure")
        const field = (path: string) =>
          kubectl(["-n", "kube-system", "get", "deployment", "cloud-controller-manager", "-o", `jsonpath={${path}}`])
        assert.strictEqual(yield* field(".spec.template.spec.containers[*].image"), "cloudstack-ccm:0.1.0")
        assert.strictEqual(yield* field(".spec.template.spec.containers[*].resources.limits.cpu"), "")
        assert.strictEqual(yield* field(".spec.template.spec.dnsPolicy"), "Default")
      })
  )

  it.effect("the kustomize base is accepted, strictly, and again without a change", () =>
    Effect.gen(function* () {
      const { kubectl } = yield* ControlPlane
      yield* kubectl(["apply", "--validate=strict", "-k", base])
      assert.strictEqual(yield* kubectl(["diff", "-k", base]), "")
    })
  )

  it.effect("its pods satisfy the restricted Pod Security Standard", () =>
    Effect.gen(function* () {
      const { kubectl } = yield* ControlPlane
      const text = yield* kubectl(["-n", "kube-system", "get", "deployment", "cloud-controller-manager", "-o", "json"])
      const { spec } = (yield* Schema.decodeEffect(Deployment)(text)).spec.template
      yield* kubectl(["label", "namespace", "kube-system", "pod-security.kubernetes.io/enforce=restricted"])
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "probe", namespace: "kube-system" }, spec }
      assert.include(
        yield* kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(pod)),
        "pod/probe created (server dry run)"
      )
    })
  )

  it.effect("the service account may do nothing to Secrets, Pods, RBAC or the spec of a Service", () =>
    Effect.gen(function* () {
      const { kubectl } = yield* ControlPlane
      const may = (...what: ReadonlyArray<string>) =>
        Effect.match(
          kubectl(["auth", "can-i", ...what, "--as=system:serviceaccount:kube-system:cloud-controller-manager"]),
          {
            onFailure: () => false,
            onSuccess: () => true
          }
        )
      assert.isTrue(yield* may("patch", "services", "--subresource=status", "--all-namespaces"))
      assert.isTrue(yield* may("update", "leases/cloud-controller-manager", "-n", "kube-system"))
      const forbidden = [
        ["get", "secrets", "-n", "kube-system"],
        ["list", "pods"],
        ["get", "services/other"],
        ["patch", "services"],
        ["update", "services", "--subresource=status"],
        ["create", "nodes"],
        ["get", "namespaces/default"],
        ["update", "leases/kube-controller-manager", "-n", "kube-system"],
        ["create", "clusterrolebindings"]
      ]
      for (const what of forbidden) assert.isFalse(yield* may(...what), what.join(" "))
    })
  )

  it.effect("the examples are accepted", () =>
    Effect.gen(function* () {
      const { kubectl } = yield* ControlPlane
      yield* kubectl(["apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", examples])
    })
  )
})

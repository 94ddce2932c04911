import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, Ref, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Answer } from "../../../src/cloudstack/Api.ts"
import { layer as cloudStack } from "../../../src/cloudstack/layers.ts"
import { Machines } from "../../../src/cloudstack/Machines.ts"
import { type CloudSettings, Settings } from "../../../src/config/Settings.ts"
import { indexMachines, resolveMachine } from "../../../src/domain/NodeIdentity.ts"
import { scripted } from "../scripted.ts"
import { layerSettings, settingsOf } from "../settings.ts"

const nic = { id: "n1", networkid: "net1", networkname: "net", ipaddress: "10.1.1.7", isdefault: true }
const other = { ...nic, id: "n2", networkid: "net2", ipaddress: "10.2.1.7", isdefault: false }
const vm = { id: "vm1", name: "node-1", account: "alice", state: "Running", zoneid: "id-1", zonename: "Zone 1" }

const listed = (rows: ReadonlyArray<object>, over: Partial<CloudSettings> = {}) =>
  Effect.map(
    Effect.flatMap(Machines, (machines) => machines.list(0)),
    ({ machines }) => machines
  ).pipe(
    Effect.provide(
      cloudStack.pipe(
        Layer.provide(scripted(() => ({ count: rows.length, virtualmachine: rows }))),
        Layer.provide(layerSettings(over))
      )
    )
  )

describe("static NAT", () => {
  const natted = (row: object) => Effect.map(listed([row]), ([first]) => first?.nics.map(({ publicIp }) => publicIp))

  it.effect("is the default interface's where only the VM tells of it, as older servers do", () =>
    Effect.map(natted({ ...vm, publicip: "203.0.113.9", nic: [other, nic] }), (addresses) =>
      assert.deepStrictEqual(addresses, [undefined, "203.0.113.9"])
    )
  )

  it.effect("is that interface's which tells of it", () =>
    Effect.map(
      natted({ ...vm, publicip: "203.0.113.9", nic: [nic, { ...other, publicip: "203.0.113.9" }] }),
      (addresses) => assert.deepStrictEqual(addresses, [undefined, "203.0.113.9"])
    )
  )
})

describe("the zone of the config", () => {
  const twin = { ...vm, id: "vm2", zoneid: "id-2", zonename: "Zone 2" }
  const says = (over: Partial<CloudSettings>, providerID = "") =>
    Effect.map(listed([vm, twin], over), (machines) => {
      const found = resolveMachine({ name: "node-1", providerID }, indexMachines(machines))
      return found._tag === "Found" ? found.machine.id : found._tag
    })

  it.effect("tells two VMs of one name apart, by its name or its id", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* says({}), "Ambiguous")
      assert.strictEqual(yield* says({ zone: "Zone 2" }), "vm2")
      assert.strictEqual(yield* says({ zone: "id-1" }), "vm1")
      assert.strictEqual(yield* says({ zone: "Zone 3" }), "Missing")
    })
  )

  it.effect("hides no VM from a Node that names it by id", () =>
    Effect.map(says({ zone: "Zone 2" }, "cloudstack:///vm1"), (found) => assert.strictEqual(found, "vm1"))
  )
})

describe("a list that is being read when the key changes", () => {
  it.effect("serves nobody who asks with the new key", () => {
    const answers: ReadonlyArray<Answer> = [{ count: 1, virtualmachine: [vm] }, {}]
    const slow = scripted((_, nth) => Effect.delay(Effect.succeed(answers[nth - 1] ?? {}), "1 second"))
    return Effect.gen(function* () {
      const settings = yield* Ref.make(settingsOf())
      const changing = Layer.succeed(Settings, { current: Ref.get(settings), changes: Stream.empty })
      yield* Effect.gen(function* () {
        const machines = yield* Machines
        const list = Effect.forkChild(machines.list(10_000), { startImmediately: true })
        const old = yield* list
        const credentials = { apiKey: Redacted.make("other"), secretKey: Redacted.make("other") }
        yield* Ref.update(settings, (before) => ({ ...before, credentials }))
        const fresh = yield* list
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* Fiber.join(old)).machines.length, 1)
        assert.strictEqual((yield* Fiber.join(fresh)).machines.length, 0)
      }).pipe(Effect.provide(cloudStack.pipe(Layer.provide(slow), Layer.provide(changing))))
    })
  })
})

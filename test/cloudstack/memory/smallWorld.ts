/** One account with two networks, for tests of what takes time and of what goes wrong. */
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Parameters } from "../../../src/cloudstack/Api.ts"
import { layer, type SimulatorOptions } from "../../../src/cloudstack/memory/layer.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { as, inner, isObject } from "../../support/simulated.ts"

const world = {
  zones: [{ ref: "zone1", name: "sim1" }],
  accounts: [
    { ref: "admin", name: "admin", role: "Admin" },
    { ref: "alice", name: "alice" },
    { ref: "bob", name: "bob" }
  ],
  networks: ["net1", "net2"].map((name) => ({ ref: name, name, kind: "isolated", owner: "alice" })),
  vms: [
    { ref: "n1", name: "n1", owner: "alice", nics: [{ network: "net1" }] },
    { ref: "n2", name: "n2", owner: "alice", nics: [{ network: "net1" }] },
    { ref: "m1", name: "m1", owner: "alice", nics: [{ network: "net2" }] }
  ],
  publicIps: { free: { alice: 8 } }
}

export const simulated = (options: SimulatorOptions = {}, settings: object = {}) =>
  Effect.provide(layer({ ...world, settings }, options))

export const alice = as("alice")
export const networkId = (name: string) => alice.idOf("listNetworks", name)
export const vmId = (name: string) => alice.idOf("listVirtualMachines", name)

export const address = Effect.fnUntraced(function* (network = "net1") {
  return yield* alice.make("associateIpAddress", { networkid: yield* networkId(network) })
})

export const ruleOn = (publicipid: string, port: number): Parameters => ({
  publicipid,
  name: `r${port}`,
  publicport: String(port),
  privateport: String(port),
  algorithm: "roundrobin",
  protocol: "tcp",
  openfirewall: "false"
})

/** Sends without waiting for anything: the answer's content. */
export const send = Effect.fnUntraced(function* (command: string, parameters: Parameters = {}) {
  return inner(yield* (yield* Simulator).callAs("alice", command, parameters))
})

/** Starts all at once and answers after how many seconds each had ended, earliest first. */
export const durations = Effect.fnUntraced(function* <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) {
  const start = yield* Clock.currentTimeMillis
  const timed = (effect: Effect.Effect<A, E, R>) =>
    Effect.map(Effect.andThen(effect, Clock.currentTimeMillis), (end) => (end - start) / 1000)
  const fibers = yield* Effect.forEach(effects, (effect) => Effect.forkChild(timed(effect), { startImmediately: true }))
  yield* TestClock.adjust("2 minutes")
  return (yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))).sort((a, b) => a - b)
})

/** The objects of one kind in the state. */
export const stateOf = Effect.fnUntraced(function* (kind: string) {
  const state = yield* (yield* Simulator).world
  const found = isObject(state) ? state[kind] : undefined
  return Array.isArray(found) ? found.filter(isObject) : []
})

export const pushesOf = (network: string) =>
  Effect.map(stateOf("networks"), (networks) => networks.find(({ name }) => name === network)?.["pushes"])

export const statusOf = (job: string) =>
  Effect.map(send("queryAsyncJobResult", { jobid: job }), (it) => it["jobstatus"])

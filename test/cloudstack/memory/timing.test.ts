/** Locks, routers and jobs on virtual time: the shape of what was measured on a real server. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  address,
  alice,
  durations,
  networkId,
  pushesOf,
  ruleOn,
  send,
  simulated,
  stateOf,
  statusOf,
  vmId
} from "./smallWorld.ts"

const locks = simulated({ locks: true })

const firewallOn = (ipaddressid: string, port: number) => ({
  ipaddressid,
  protocol: "tcp",
  startport: String(port)
})

describe("locks", () => {
  it.effect("creates on one address at once: a waiter looks again every 5 seconds", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const took = yield* durations([80, 81, 82].map((port) => send("createLoadBalancerRule", ruleOn(ip, port))))
      assert.deepStrictEqual(took, [0.1, 5.1, 10.1])
    }).pipe(locks)
  )

  it.effect("creates one after the other, or on different addresses, do not wait", () =>
    Effect.gen(function* () {
      const ips = [yield* address(), yield* address(), yield* address("net2")]
      const took = yield* durations(ips.map((ip) => send("createLoadBalancerRule", ruleOn(ip, 80))))
      assert.deepStrictEqual(took, [0.1, 0.1, 0.1])
      const [ip = ""] = ips
      const inOrder = Effect.forEach([81, 82, 83], (port) => send("createLoadBalancerRule", ruleOn(ip, port)), {
        discard: true
      })
      const [seconds = 0] = yield* durations([inOrder])
      assert.closeTo(seconds, 0.3, 0.001)
    }).pipe(locks)
  )

  it.effect("a firewall rule holds its address until it is applied", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const [, second] = yield* durations([
        send("createFirewallRule", firewallOn(ip, 80)),
        send("createFirewallRule", firewallOn(ip, 81))
      ])
      assert.strictEqual(second, 5.1)
      const awaited = Effect.forEach([82, 83, 84], (port) => alice.job("createFirewallRule", firewallOn(ip, port)), {
        discard: true
      })
      const before = yield* Clock.currentTimeMillis
      yield* awaited
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 2000)
    }).pipe(simulated({ locks: true, pushTime: "200 millis" }))
  )

  it.effect("allocations lock the account; assigns, updates and deletes lock nothing", () =>
    Effect.gen(function* () {
      const networkid = yield* networkId("net1")
      const allocate = send("associateIpAddress", { networkid })
      assert.deepStrictEqual(yield* durations([allocate, allocate]), [0.1, 5.1])
      const ip = yield* address()
      const id = yield* alice.make("createLoadBalancerRule", ruleOn(ip, 80))
      const took = yield* durations([
        send("assignToLoadBalancerRule", { id, virtualmachineids: yield* vmId("n1") }),
        send("assignToLoadBalancerRule", { id, virtualmachineids: yield* vmId("n2") }),
        send("updateLoadBalancerRule", { id, name: "other" })
      ])
      assert.deepStrictEqual(took, [0, 0, 0])
    }).pipe(locks)
  )
})

describe("routers", () => {
  const slow = simulated({ pushTime: "1 second" })
  const rules = Effect.fnUntraced(function* (ip: string, ports: ReadonlyArray<number>) {
    return yield* Effect.forEach(ports, (port) => alice.make("createLoadBalancerRule", ruleOn(ip, port)))
  })

  it.effect("take one push at a time, each network its own", () =>
    Effect.gen(function* () {
      const here = yield* rules(yield* address(), [80, 81, 82])
      const [there = ""] = yield* rules(yield* address("net2"), [80])
      const jobs = yield* Effect.all([
        ...here.map((id) => Effect.flatMap(vmId("n1"), (vm) => assign(id, vm))),
        Effect.flatMap(vmId("m1"), (vm) => assign(there, vm))
      ])
      const done = Effect.map(Effect.forEach(jobs, statusOf), (states) => states.filter((one) => one === 1).length)
      assert.strictEqual(yield* done, 0)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* done, 2)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* done, 3)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* done, 4)
      assert.deepStrictEqual([yield* pushesOf("net1"), yield* pushesOf("net2")], [3, 1])
    }).pipe(slow)
  )

  const assign = (id: string, vm: string) =>
    Effect.map(send("assignToLoadBalancerRule", { id, virtualmachineids: vm }), (answer) => String(answer["jobid"]))

  it.effect("are pushed once by every change that has an effect, and not by one that fails or changes nothing", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const count = pushesOf("net1")
      const id = yield* alice.make("createLoadBalancerRule", ruleOn(ip, 80))
      assert.strictEqual(yield* count, 0)
      const virtualmachineids = yield* vmId("n1")
      yield* alice.done("assignToLoadBalancerRule", { id, virtualmachineids })
      assert.strictEqual(yield* count, 1)
      assert.strictEqual(
        yield* alice.outcome("assignToLoadBalancerRule", { id, virtualmachineids }),
        "530 Failed to assign load balancer rule"
      )
      yield* alice.done("assignToLoadBalancerRule", { id, virtualmachineids: "" })
      yield* alice.done("createTags", {
        resourceids: id,
        resourcetype: "LoadBalancer",
        "tags[0].key": "a",
        "tags[0].value": "b"
      })
      assert.strictEqual(yield* count, 1)
      yield* alice.done("updateLoadBalancerRule", { id, name: "other" })
      const opened = yield* alice.make("createFirewallRule", firewallOn(ip, 80))
      assert.strictEqual(yield* count, 3)
      yield* alice.done("deleteFirewallRule", { id: opened })
      yield* alice.done("removeFromLoadBalancerRule", { id, virtualmachineids })
      yield* alice.done("deleteLoadBalancerRule", { id })
      assert.strictEqual(yield* count, 6)
      yield* alice.done("disassociateIpAddress", { id: ip })
      assert.strictEqual(yield* count, 7)
    }).pipe(simulated())
  )
})

describe("jobs that take time", () => {
  const withJobs = simulated({}, { jobMillis: 3000 })

  it.effect("last at least as long as the world says, and show what they are doing", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const id = yield* alice.make("createLoadBalancerRule", ruleOn(ip, 80))
      const { jobid } = yield* send("deleteLoadBalancerRule", { id })
      const state = Effect.map(alice.first("listLoadBalancerRules", { publicipid: ip }), (rule) => rule["state"])
      assert.strictEqual(yield* state, "Deleting")
      assert.strictEqual((yield* alice.all("listAsyncJobs")).length, 1)
      yield* TestClock.adjust("2900 millis")
      assert.strictEqual(yield* statusOf(String(jobid)), 0)
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(yield* statusOf(String(jobid)), 1)
      assert.isUndefined(yield* state)
      assert.deepStrictEqual(yield* alice.all("listAsyncJobs"), [])
    }).pipe(withJobs)
  )

  it.effect("a new object can be used before its job is done", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const { id } = yield* send("createLoadBalancerRule", ruleOn(ip, 80))
      const { jobid } = yield* send("assignToLoadBalancerRule", {
        id: String(id),
        virtualmachineids: yield* vmId("n1")
      })
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* statusOf(String(jobid)), 1)
      assert.strictEqual((yield* stateOf("loadBalancerRules"))[0]?.["state"], "Active")
    }).pipe(withJobs)
  )

  it.effect("of two deletions of one rule the later job finds nothing", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const id = yield* alice.make("createLoadBalancerRule", ruleOn(ip, 80))
      yield* send("deleteLoadBalancerRule", { id })
      const { jobid } = yield* send("deleteLoadBalancerRule", { id })
      yield* TestClock.adjust("3 seconds")
      const job = yield* send("queryAsyncJobResult", { jobid: String(jobid) })
      assert.deepInclude(job, { jobstatus: 2, jobresultcode: 431 })
    }).pipe(withJobs)
  )

  it.effect("are forgotten after a day", () =>
    Effect.gen(function* () {
      const { jobid } = yield* alice.job("associateIpAddress", { networkid: yield* networkId("net1") })
      yield* TestClock.adjust("23 hours")
      assert.strictEqual(yield* statusOf(String(jobid)), 1)
      yield* TestClock.adjust("1 hour")
      assert.match(
        yield* alice.verdict("queryAsyncJobResult", { jobid: String(jobid) }),
        /^431\/9999 .*entity does not exist/
      )
    }).pipe(simulated())
  )
})

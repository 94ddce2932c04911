/** What a script would do that knows the best order: the server's own time for a load balancer, and nobody else's. */
import { Effect, Semaphore } from "effect"
import type { Parameters } from "../../src/cloudstack/Api.ts"
import { Simulator } from "../../src/cloudstack/memory/Simulator.ts"
import { isObject, textAt } from "../../src/kubernetes/json.ts"
import { account } from "./cluster.ts"

/** The content of the answer's envelope. */
const call = Effect.fnUntraced(function* (command: string, parameters: Parameters) {
  const simulator = yield* Simulator
  const { body, status } = yield* simulator.callAs(account.ref, command, parameters)
  const [inner] = isObject(body) ? Object.values(body) : []
  if (status !== 200 || !isObject(inner)) return yield* Effect.die(new Error(`${command}: ${JSON.stringify(body)}`))
  return inner
})

const ended = Effect.fnUntraced(function* (jobid: string) {
  while ((yield* call("queryAsyncJobResult", { jobid }))["jobstatus"] === 0) yield* Effect.sleep("5 millis")
})

/** Submits, and gives what waits for the job. */
const submit = Effect.fnUntraced(function* (command: string, parameters: Parameters) {
  const answer = yield* call(command, parameters)
  return { id: textAt(answer, "id"), done: ended(textAt(answer, "jobid")) }
})

const ids = Effect.fnUntraced(function* (command: string, list: string) {
  const found = (yield* call(command, { listall: "true" }))[list]
  return Array.isArray(found) ? found.map((one) => textAt(one, "id")) : []
})

/** Allocate; then rules one after the other and their members at once; then firewall rules, each job awaited. */
export const makeScript = Effect.gen(function* () {
  const [networkid = ""] = yield* ids("listNetworks", "network")
  const vms = (yield* ids("listVirtualMachines", "virtualmachine")).join(",")
  const allocating = Semaphore.makeUnsafe(1)
  return Effect.fnUntraced(function* (ports: number) {
    const address = yield* allocating.withPermit(submit("associateIpAddress", { networkid }))
    yield* address.done
    const port = (index: number) => String(8_000 + index)
    const assigned: Array<Effect.Effect<void, never, Simulator>> = []
    for (let index = 0; index < ports; index++) {
      const rule = yield* submit("createLoadBalancerRule", {
        publicipid: address.id,
        name: `port-${index}`,
        publicport: port(index),
        privateport: port(index),
        algorithm: "roundrobin",
        protocol: "tcp",
        openfirewall: "false"
      })
      assigned.push((yield* submit("assignToLoadBalancerRule", { id: rule.id, virtualmachineids: vms })).done)
    }
    for (let index = 0; index < ports; index++) {
      const border = yield* submit("createFirewallRule", {
        ipaddressid: address.id,
        protocol: "tcp",
        startport: port(index),
        endport: port(index),
        cidrlist: "0.0.0.0/0"
      })
      yield* border.done
    }
    yield* Effect.forEach(assigned, (done) => done, { concurrency: "unbounded", discard: true })
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { address, alice, makeRule, ruleOn, vm } from "./world.ts"

const create = "createLoadBalancerRule"

describe("conflicts", () => {
  const range = (purpose: string, state: string, ports = "80-80", other = ports) =>
    `The range specified, ${ports}, conflicts with rule FirewallRule {"id":<N>,"networkId":<N>,"purpose":"${purpose}",` +
    `"state":"${state}","uuid":"<uuid>"} which has ${other}`

  it.effect("one port carries one rule, whatever the protocols", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* makeRule(ip)
      for (const protocol of ["tcp", "tcp-proxy", "ssl"]) {
        assert.strictEqual(
          yield* alice.verdict(create, ruleOn(ip, { protocol })),
          `537/9999 ${range("LoadBalancing", "Add")}`
        )
      }
      const virtualmachineid = yield* vm("n1")
      const forward = { ipaddressid: ip, virtualmachineid, publicport: "80", privateport: "80", openfirewall: "false" }
      for (const protocol of ["tcp", "udp"]) {
        assert.strictEqual(
          yield* alice.verdict("createPortForwardingRule", { ...forward, protocol }),
          `537/4360 ${range("LoadBalancing", "Add")}`
        )
      }
      const both = { ...forward, publicport: "90" }
      assert.strictEqual(yield* alice.outcome("createPortForwardingRule", { ...both, protocol: "tcp" }), "ok")
      assert.strictEqual(yield* alice.outcome("createPortForwardingRule", { ...both, protocol: "udp" }), "ok")
      assert.strictEqual(
        yield* alice.verdict("createPortForwardingRule", { ...both, protocol: "udp" }),
        `537/4360 ${range("PortForwarding", "Active", "90-90")}`
      )
    }).pipe(simulated)
  )

  it.effect("firewall rules conflict by protocol, ports and an equal CIDR only", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const open = (change: Readonly<Record<string, string>>) =>
        alice.verdict("createFirewallRule", { ipaddressid: ip, protocol: "tcp", ...change })
      assert.strictEqual(yield* open({ startport: "80", endport: "90" }), "200")
      assert.strictEqual(yield* open({ startport: "85", cidrlist: "10.0.0.0/8" }), "200")
      assert.strictEqual(
        yield* open({ startport: "90", endport: "95", cidrlist: "10.0.0.0/8,0.0.0.0/0" }),
        `537/4360 ${range("Firewall", "Active", "90-95", "80-90")}`
      )
      assert.strictEqual(yield* open({ protocol: "udp", startport: "80" }), "200")
      assert.strictEqual(yield* open({ protocol: "icmp", icmptype: "8", icmpcode: "0" }), "200")
      assert.match(
        yield* open({ protocol: "icmp", icmptype: "8", icmpcode: "0" }),
        /^431\/4350 New rule conflicts with existing rule: FirewallRule \{/
      )
    }).pipe(simulated)
  )

  it.effect("a firewall rule that lets nobody in conflicts with its like only", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const open = { ipaddressid: ip, protocol: "tcp", startport: "80" }
      yield* alice.done("createFirewallRule", open)
      const made = yield* alice.done("createFirewallRule", { ...open, cidrlist: "" })
      assert.deepInclude(made, { state: "Active", cidrlist: "" })
      assert.deepInclude(yield* alice.first("listFirewallRules", { id: String(made["id"]) }), { cidrlist: "" })
      assert.strictEqual(
        yield* alice.verdict("createFirewallRule", { ...open, cidrlist: "," }),
        `537/4360 ${range("Firewall", "Active")}`
      )
    }).pipe(simulated)
  )

  it.effect("a firewall rule without ports stands alone", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* alice.done("createFirewallRule", { ipaddressid: ip, protocol: "tcp" })
      assert.strictEqual(
        yield* alice.verdict("createFirewallRule", { ipaddressid: ip, protocol: "tcp" }),
        "537/4360 There is already a firewall rule specified with protocol = tcp and no ports"
      )
    }).pipe(simulated)
  )
})

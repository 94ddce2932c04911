import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestConsole } from "effect/testing"
import { CommandError } from "../../src/cli/Command.ts"
import { command } from "../../src/cli/plan.ts"
import { Simulator } from "../../src/cloudstack/memory/Simulator.ts"
import { cloudOverHttp, commandWorld, serviceJson } from "../support/cliWorld.ts"
import { isRead } from "../support/testBed.ts"

const services = [
  serviceJson("shop", "web", "u1"),
  serviceJson("shop", "blog", "u2"),
  serviceJson("shop", "db", "u3", { type: "ClusterIP" })
]

const printed = Effect.map(TestConsole.logLines, (lines) => lines.map(String).join("\n"))

describe("cloudstack-ccm plan", () => {
  it.live("shows each call for all Services, and sends none of them", () =>
    Effect.gen(function* () {
      const { asked, flags } = yield* commandWorld(services)
      yield* command(flags)
      const text = yield* printed
      assert.match(text, /^SERVICE +KIND +WHAT +HOW\n/)
      assert.match(text, /\nshop\/web +call +associateIpAddress +networkid=/)
      assert.match(text, /router +assignToLoadBalancerRule +id=\(new LoadBalancerRule/)
      assert.match(text, /write +patch services\/status +\{/)
      assert.match(text, /2 of 2 Service\(s\) to change: 12 call\(s\), 4 of them for the virtual router$/)
      const log = yield* Effect.flatMap(Simulator, (simulator) => simulator.log)
      assert.deepStrictEqual(
        log.filter((entry) => !isRead(entry.command)),
        []
      )
      assert.isTrue(asked.every(({ method }) => method === "GET"))
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )

  it.live("of one Service, as JSON", () =>
    Effect.gen(function* () {
      const { flags } = yield* commandWorld(services)
      yield* command(["shop/blog", "--output", "json", ...flags])
      const plan = JSON.parse(yield* printed)
      assert.strictEqual(plan.routerCommands, 2)
      assert.deepStrictEqual(
        plan.services.map(({ service }: { service: string }) => service),
        ["shop/blog"]
      )
      assert.strictEqual(plan.services[0].calls[0].command, "associateIpAddress")
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )

  it.live("prints what it knows and ends with 1 if a Service could not be planned", () =>
    Effect.gen(function* () {
      const { flags } = yield* commandWorld(services)
      const simulator = yield* Simulator
      const fault = { _tag: "error", code: 431, text: "no such thing" } as const
      yield* simulator.inject([{ command: "listLoadBalancerRules", fault }])
      const error = yield* Effect.flip(command(flags))
      assert.isTrue(error instanceof CommandError && error.exitCode === 1)
      assert.match(String(error), /could not be planned: shop\/blog$/)
      assert.match(yield* printed, /\nshop\/web +call +associateIpAddress/)
      assert.match(yield* printed, /\nshop\/blog +stop +fails +.*no such thing/)
      assert.match(yield* printed, /for the virtual router; 1 Service\(s\) could not be planned$/)
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )

  it.live("of a Service that is not there, and with flags that are not known, ends with 1", () =>
    Effect.gen(function* () {
      const { flags } = yield* commandWorld(services)
      const missing = yield* Effect.flip(command(["shop/nowhere", ...flags]))
      assert.isTrue(missing instanceof CommandError && missing.exitCode === 1)
      const unknown = yield* Effect.flip(command(["--fixx"]))
      assert.match(String(unknown), /unknown flag: --fixx/)
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )

  it.live("takes the name before, between and behind the flags", () =>
    Effect.gen(function* () {
      const { flags } = yield* commandWorld(services)
      const [config = "", kubeconfig = ""] = flags
      const [name = "", file = ""] = kubeconfig.split("=")
      for (const args of [
        ["shop/blog", ...flags],
        [config, "shop/blog", name, file],
        [config, name, file, "--dry-run", "shop/blog"],
        [config, name, file, "--", "shop/blog"]
      ]) {
        yield* command(["--output=json", ...args])
        const [text] = (yield* TestConsole.logLines).slice(-1)
        assert.deepStrictEqual(
          JSON.parse(String(text)).services.map(({ service }: { service: string }) => service),
          ["shop/blog"]
        )
      }
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )
})

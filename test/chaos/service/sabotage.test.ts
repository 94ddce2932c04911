/** The tests of the tests: controllers that were broken on purpose, by what they see, are found out. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CloudStackError, ServerFault } from "../../../src/cloudstack/Api.ts"
import { services } from "../../../src/kubernetes/KubeApi.ts"
import { referenceFor } from "./campaign.ts"
import type { Fault, FaultName } from "./faults.ts"
import { judged } from "./judgement.ts"
import type { Sabotage, Seen } from "./life.ts"

const overApi =
  (wrap: (seen: Seen) => Seen["api"]["call"]): Sabotage =>
  (seen) => ({ ...seen, api: { call: wrap(seen) } })

const problemsOf = (scenario: string, sabotage: Sabotage, faults: ReadonlyArray<Fault> = [], setting = "slow") =>
  judged(referenceFor(setting, scenario), faults, { sabotage, hold: false }).problems

/** The same with one fault at each call of a command. */
const problemsAtEach = (scenario: string, sabotage: Sabotage, name: FaultName, command: RegExp, setting = "slow") =>
  referenceFor(setting, scenario).calm.calls.flatMap(({ what }, index) =>
    command.test(what) ? problemsOf(scenario, sabotage, [{ at: index + 1, name }], setting) : []
  )

const honest: Sabotage = (seen) => seen

describe("a controller that", () => {
  it("does all as it should passes", () => {
    assert.deepStrictEqual(problemsOf("create, delete", honest), [])
  })

  it("leaves the address without its tag", () => {
    const untagged = overApi(
      ({ api }) =>
        (command, parameters) =>
          command === "createTags" && parameters["resourcetype"] === "PublicIpAddress"
            ? Effect.fail(
                new CloudStackError({ command, reason: new ServerFault({ code: 530, text: "tag x already on y" }) })
              )
            : api.call(command, parameters)
    )
    assert.isNotEmpty(problemsOf("create", untagged))
  })

  it("does not await what it began", () => {
    const hurried = overApi(({ api }) => {
      const begun = new Set<string>()
      return (command, parameters) => {
        const { customjobid = "", jobid = "" } = parameters
        if (command === "queryAsyncJobResult" && begun.has(jobid)) {
          return Effect.succeed({ jobid, jobstatus: 1, jobresultcode: 0, jobresult: { success: true } })
        }
        if (/^(delete|disassociate)/.test(command)) begun.add(customjobid)
        return api.call(command, parameters)
      }
    })
    assert.isNotEmpty(problemsOf("create, delete", hurried))
  })

  it("lets the Service go before it is clean", () => {
    const early = overApi(({ api, kube }) => {
      const letGo = kube.call({
        verb: "patch",
        resource: services,
        namespace: "shop",
        name: "web",
        subresource: "status",
        body: { metadata: { finalizers: null } }
      })
      return (command, parameters) =>
        command === "disassociateIpAddress"
          ? Effect.andThen(Effect.exit(letGo), api.call(command, parameters))
          : api.call(command, parameters)
    })
    assert.isNotEmpty(problemsOf("create, delete", early))
  })

  it("trusts an empty list", () => {
    const trusting = overApi(({ api }) => {
      const believed = new Set<string>()
      return (command, parameters) => {
        const { page: _, pagesize: __, allocatedonly: ___, ...question } = parameters
        // Whatever it asks next about addresses, it believes what it was told first.
        const topic = command === "listPublicIpAddresses" ? "addresses" : `${command} ${JSON.stringify(question)}`
        if (believed.has(topic)) return Effect.succeed({})
        if (command !== "listPublicIpAddresses") return api.call(command, parameters)
        return Effect.tap(api.call(command, parameters), (answer) =>
          Effect.sync(() => void (Object.keys(answer).length === 0 && believed.add(topic)))
        )
      }
    })
    const addresses = /^listPublicIpAddresses$/
    assert.isNotEmpty(problemsAtEach("create, delete", trusting, "empty list", addresses))
    assert.deepStrictEqual(problemsAtEach("create, delete", honest, "empty list", addresses), [])
  })

  it("sends again what got no answer", () => {
    const stubborn = overApi(({ api }) => (command, parameters) => {
      const { customjobid: _, ...again } = parameters
      const call = api.call(command, parameters)
      return command === "associateIpAddress" ? Effect.catch(call, () => api.call(command, again)) : call
    })
    const lost = "reset after effect"
    assert.isNotEmpty(problemsAtEach("create, delete", stubborn, lost, /^associateIpAddress$/))
    assert.deepStrictEqual(problemsAtEach("create, delete", honest, lost, /^associateIpAddress$/), [])
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { admin, alice, bob, nowhere, rita, unknownId } from "./world.ts"

describe("parameters", () => {
  it.effect("booleans never fail, numbers and lengths do", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* alice.verdict("listVirtualMachines", { listall: "maybe" }), "200")
      assert.strictEqual(
        yield* alice.verdict("listPublicIpAddresses", { page: "one", pagesize: "1" }),
        "431/9999 Unable to execute API command listpublicipaddresses due to invalid value one for parameter page"
      )
      assert.strictEqual(
        yield* alice.verdict("listZones", { name: "x".repeat(256) }),
        "431/9999 Unable to execute API command listzones due to invalid value. Value greater than max allowed length 255 for param: name"
      )
    }).pipe(simulated)
  )

  it.effect("names are read in any case, unknown ones ignored, control characters refused", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* alice.verdict("listZones", { ID: nowhere }), unknownId("listZones", "id", "<uuid>"))
      assert.strictEqual(yield* alice.verdict("listZones", { nonsense: "1" }), "200")
      assert.strictEqual(
        yield* alice.verdict("listZones", { keyword: "a\u0007" }),
        "431/9999 Received value containing illegal ASCII non-printable characters for parameter keyword"
      )
      assert.match(yield* alice.verdict("listZones", { keyword: "a\tb" }), /illegal ASCII/)
      assert.strictEqual(yield* alice.verdict("listZones", { keyword: "a\r\nb" }), "200")
    }).pipe(simulated)
  )

  it.effect("ids are looked up, numbers are believed, and nothing at all is no id", () =>
    Effect.gen(function* () {
      const list = (id: string) => alice.verdict("listVirtualMachines", { id })
      assert.strictEqual(yield* list(""), unknownId("listVirtualMachines", "id", ""))
      assert.deepStrictEqual(yield* alice.ok("listVirtualMachines", { id: "987654" }), {})
      assert.deepStrictEqual(yield* alice.ok("listVirtualMachines", { id: "-1" }), {})
      const zero =
        "431/9999 Unable to execute API command listvirtualmachines due to invalid value. Invalid value provided for API arg: id"
      assert.strictEqual(yield* list("0"), zero)
      const vm = yield* alice.idOf("listVirtualMachines", "n1")
      assert.lengthOf(yield* alice.all("listVirtualMachines", { id: vm.toUpperCase() }), 1)
      // What came with a later release takes UUIDs as they are written, or ignores them.
      assert.isAbove((yield* alice.all("listVirtualMachines", { autoscalevmgroupid: nowhere.toUpperCase() })).length, 1)
    }).pipe(simulated)
  )

  it.effect("pages are checked when everything else is decoded, in lists without pages too", () =>
    Effect.gen(function* () {
      const alone = '431/9999 "page" parameter is required when "pagesize" is specified'
      const virtualmachineid = yield* alice.idOf("listVirtualMachines", "n1")
      assert.strictEqual(yield* alice.verdict("listNics", { virtualmachineid, pagesize: "2" }), alone)
      assert.strictEqual(
        yield* alice.verdict("listNics", { virtualmachineid: nowhere, pagesize: "2" }),
        unknownId("listNics", "virtualmachineid")
      )
      assert.strictEqual(yield* alice.verdict("listVirtualMachines", { pagesize: "2", details: "nonsense" }), alone)
      assert.strictEqual(yield* alice.verdict("listApis", { name: "listZones", pagesize: "2" }), "200")
    }).pipe(simulated)
  )

  it.effect("what is missing is named, what is empty is invalid", () =>
    Effect.gen(function* () {
      const missing = (command: string, parameter: string) =>
        `431/9999 Unable to execute API command ${command.toLowerCase()} due to missing parameter ${parameter}`
      for (const [command, parameter] of [
        ["createLoadBalancerRule", "algorithm"],
        ["createFirewallRule", "ipaddressid"],
        ["createNetworkACL", "protocol"],
        ["createTags", "tags"],
        ["assignToLoadBalancerRule", "id"],
        ["removeFromLoadBalancerRule", "id"],
        ["queryAsyncJobResult", "jobid"],
        ["listNics", "virtualmachineid"]
      ] as const) {
        assert.strictEqual(yield* alice.verdict(command), missing(command, parameter))
      }
      assert.strictEqual(
        yield* alice.verdict("createTags", {
          "tags[0].key": "k",
          "tags[0].value": "v",
          resourcetype: "UserVm",
          resourceids: ""
        }),
        "431/4350 Invalid value provided for API arg: resourceids"
      )
      assert.strictEqual(
        yield* alice.verdict("createLoadBalancerRule", {
          algorithm: "roundrobin",
          privateport: "1",
          publicport: "1",
          name: ""
        }),
        "431/4350 Invalid value provided for API arg: name"
      )
      assert.strictEqual(
        yield* alice.verdict("createLoadBalancerRule", { algorithm: "source", name: "x", privateport: "" }),
        "431/4350 Invalid value provided for API arg: privateport"
      )
      assert.strictEqual(
        yield* alice.verdict("deleteFirewallRule", { id: "" }),
        "431/4350 Invalid value provided for API arg: id"
      )
      assert.strictEqual(
        yield* alice.verdict("createTags", { tags: "", resourcetype: "UserVm", resourceids: "x" }),
        "431/4350 Invalid value provided for API arg: tags"
      )
    }).pipe(simulated)
  )

  it.effect("one unknown id in a list fails the call, an empty list filters nothing", () =>
    Effect.gen(function* () {
      const id = yield* alice.idOf("listVirtualMachines", "n1")
      assert.strictEqual(
        yield* alice.verdict("listVirtualMachines", { ids: `${id},${nowhere}` }),
        unknownId("listVirtualMachines", "ids")
      )
      assert.lengthOf(yield* alice.all("listVirtualMachines", { ids: `${id},,` }), 1)
      assert.strictEqual(
        yield* alice.verdict("listVirtualMachines", { ids: `${id}, ${id}` }),
        unknownId("listVirtualMachines", "ids", " <uuid>")
      )
      assert.isAbove((yield* alice.all("listVirtualMachines", { ids: "" })).length, 3)
      assert.strictEqual(
        yield* alice.verdict("listVirtualMachines", { ids: id, id }),
        "431/4350 Specify either id or ids but not both parameters"
      )
    }).pipe(simulated)
  )

  it.effect("a malformed map is 430", () =>
    Effect.gen(function* () {
      const malformed = (name: string) =>
        `430/9999 Unable to decode parameter ${name}; if specifying an object array, please use parameter[index].field=XXX, e.g. userGroupList[0].group=httpGroup`
      for (const name of ["tags[x].key", "Tags[0]", "tags[0][1].key", "tags[0.key", "nobody[knows].it"]) {
        assert.strictEqual(yield* alice.verdict("createTags", { [name]: "k" }), malformed(name))
      }
      const role = { "TAGS[0].key": "role", "TAGS[0].value": "node" }
      assert.strictEqual(yield* alice.verdict("listVirtualMachines", role), "200")
      assert.strictEqual(
        yield* alice.verdict("listVirtualMachines", { "tags[0].KEY": "role", "tags[0].value": "node" }),
        "200"
      )
      assert.strictEqual(
        yield* alice.verdict("listVirtualMachines", { "tags[0].key": "role", "tags[0].VALUE": "node" }),
        "431/4350 No value is passed in for key role"
      )
    }).pipe(simulated)
  )

  it.effect("a map sent as a text is an invalid value, which the refusal names", () =>
    Effect.gen(function* () {
      for (const [command, others] of [
        ["listVirtualMachines", {}],
        ["createTags", { resourcetype: "UserVm", resourceids: nowhere }]
      ] as const) {
        assert.strictEqual(
          yield* alice.verdict(command, { ...others, tags: "x" }),
          `431/9999 Unable to execute API command ${command.toLowerCase()} due to invalid value x for parameter tags`
        )
      }
    }).pipe(simulated)
  )
})

describe("roles", () => {
  it.effect("what a role may not call is 432 under errorresponse", () =>
    Effect.gen(function* () {
      const denied = (command: string) =>
        `432/9999 The API [${command}] does not exist or is not available for the account for user id [<uuid>].`
      for (const command of [
        "listManagementServers",
        "listManagementServersMetrics",
        "listHosts",
        "listDomains",
        "listConfigurations",
        "resetApiLimit"
      ]) {
        const answer = yield* alice.call(command)
        assert.deepStrictEqual(Object.keys(answer.body ?? {}), ["errorresponse"])
        assert.strictEqual(yield* alice.verdict(command), denied(command))
      }
      assert.strictEqual(yield* rita.verdict("associateIpAddress"), denied("associateIpAddress"))
      assert.strictEqual(yield* rita.verdict("listZones"), "200")
      assert.strictEqual(yield* admin.verdict("listManagementServers"), "200")
      const [server] = yield* admin.all("listManagementServersMetrics")
      assert.deepInclude(server, { version: "4.22.0.0-SNAPSHOT", state: "Up" })
    }).pipe(simulated)
  )

  it.effect("a project of others is 432 for any command", () =>
    Effect.gen(function* () {
      const projectid = yield* alice.idOf("listProjects", "proj1")
      for (const command of ["listVirtualMachines", "listZones", "associateIpAddress"]) {
        assert.strictEqual(
          yield* rita.verdict(command, { projectid }).pipe(Effect.map((text) => text.slice(0, 4))),
          "432/"
        )
      }
      const carolAnswer = yield* (yield* Effect.succeed(alice)).verdict("listVirtualMachines", { projectid })
      assert.strictEqual(carolAnswer, "200")
      assert.strictEqual(yield* bob.verdict("listVirtualMachines", { projectid }), "200")
    }).pipe(simulated)
  )

  it.effect("listApis shows what the role may call", () =>
    Effect.gen(function* () {
      const apis = yield* alice.all("listApis")
      assert.isAbove(apis.length, 60)
      assert.deepInclude(
        apis.find((api) => api["name"] === "createLoadBalancerRule"),
        { isasync: true }
      )
      assert.isUndefined(apis.find((api) => api["name"] === "listManagementServers"))
      assert.lengthOf(yield* alice.all("listApis", { name: "listZones" }), 1)
      const notFound = "530/9999 Api Discovery plugin was unable to find an api by that name or process any apis"
      assert.strictEqual(yield* alice.verdict("listApis", { name: "listManagementServersMetrics" }), notFound)
      assert.strictEqual(yield* admin.verdict("listApis", { name: "nonsense" }), notFound)
    }).pipe(simulated)
  )
})

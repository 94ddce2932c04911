import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Logger, Option, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { KubeApi, nodes } from "../../../src/kubernetes/KubeApi.ts"
import { Connection, sourceOf } from "../../../src/kubernetes/live/Connection.ts"
import { inCluster } from "../../../src/kubernetes/live/inCluster.ts"
import { layerLive } from "../../../src/kubernetes/live/layerLive.ts"
import { kubeServer } from "../../support/kubeServer.ts"

const quiet = Effect.provide(Logger.layer([]))

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "kube-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)
const write = (path: string, text: string) => Effect.promise(() => writeFile(path, text))

const pod = ConfigProvider.layer(
  ConfigProvider.fromUnknown({ KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" })
)

const over = Effect.fnUntraced(function* (connection: Layer.Layer<Connection>) {
  const api = layerLive({ userAgent: "test", qps: 0, burst: 0 }).pipe(Layer.provide(connection))
  return yield* Effect.provideContext(KubeApi, yield* Layer.build(api))
})

const ask = (api: KubeApi["Service"]) => Effect.result(api.call({ verb: "get", resource: nodes, name: "n" }))

describe("credentials", () => {
  it.effect("of a pod are read from its files, each time", () =>
    Effect.gen(function* () {
      const path = yield* directory
      yield* write(join(path, "token"), "one\n")
      yield* write(join(path, "ca.crt"), "CA")
      const read = Option.getOrThrow(yield* inCluster(path))
      const first = yield* read
      assert.strictEqual(first.server, "https://[fd00::1]:443")
      assert.deepStrictEqual(first.tls, { ca: "CA", verify: true })
      assert.deepStrictEqual(Redacted.value(first.headers), { authorization: "Bearer one" })
      assert.notInclude(JSON.stringify(first), "one")
      yield* write(join(path, "token"), "two\n")
      assert.deepStrictEqual(Redacted.value((yield* read).headers), { authorization: "Bearer two" })
    }).pipe(Effect.provide(pod))
  )

  it.effect("of a pod exist only in a pod", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* inCluster()))
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({}))))
  )

  it.effect("are read again after a minute, and kept while they cannot be read", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* kubeServer((_, answer) => answer.json(200, {}))
      const path = yield* directory
      const token = join(path, "token")
      yield* write(token, "one")
      yield* write(join(path, "ca.crt"), "CA")
      const read = Option.getOrThrow(yield* inCluster(path))
      const plain = Effect.map(read, (found) => ({ ...found, server: url, tls: { verify: true } }))
      const api = yield* over(Connection.layerFrom(plain))
      yield* ask(api)
      yield* write(token, "two")
      yield* ask(api)
      yield* TestClock.adjust("61 seconds")
      yield* ask(api)
      yield* Effect.promise(() => rm(token))
      yield* TestClock.adjust("61 seconds")
      yield* ask(api)
      assert.deepStrictEqual(
        asked.map((request) => request.headers.authorization),
        ["Bearer one", "Bearer one", "Bearer two", "Bearer two"]
      )
    }).pipe(Effect.provide(pod))
  )

  it.effect("that take for ever to read hold up a request no longer than its deadline", () =>
    Effect.gen(function* () {
      const { url } = yield* kubeServer((_, answer) => answer.json(200, {}))
      let readings = 0
      const answered = yield* Deferred.make<void>()
      const found = { server: url, tls: { verify: true }, headers: Redacted.make({}) }
      const credentials = Effect.suspend(() => {
        readings += 1
        return Effect.as(readings === 2 ? Deferred.await(answered) : Effect.void, found)
      })
      const api = yield* over(Connection.layerFrom(credentials))
      yield* ask(api)
      yield* TestClock.adjust("61 seconds")
      const asking = yield* Effect.forkScoped(Effect.all([ask(api), ask(api)], { concurrency: 2 }), {
        startImmediately: true
      })
      yield* TestClock.adjust("30 seconds")
      for (const result of yield* Fiber.join(asking)) {
        assert.include(Result.isFailure(result) ? result.failure.text : "", "not within 30s")
      }
      yield* Deferred.succeed(answered, undefined)
      assert.strictEqual((yield* ask(api))._tag, "Success")
      assert.strictEqual(readings, 2)
    })
  )

  it.effect("are read again at once when they are refused", () =>
    Effect.gen(function* () {
      let current = "one"
      const { asked, url } = yield* kubeServer((request, answer) =>
        request.headers.authorization === `Bearer ${current}` ? answer.json(200, {}) : answer.json(401, {})
      )
      const credentials = Effect.sync(() => ({
        server: url,
        tls: { verify: true },
        headers: Redacted.make({ authorization: `Bearer ${current}` })
      }))
      const api = yield* over(Connection.layerFrom(credentials))
      yield* ask(api)
      current = "two"
      assert.strictEqual((yield* ask(api))._tag, "Success")
      assert.strictEqual(asked.length, 3)
    })
  )
})

const config = (server: string, user: string) => `
apiVersion: v1
kind: Config
current-context: here
contexts:
- { name: here, context: { cluster: c, user: u } }
- { name: there, context: { cluster: other, user: u } }
clusters:
- { name: c, cluster: { server: "${server}/prefix/" } }
- { name: other, cluster: { server: "https://192.0.2.1" } }
users:
- name: u
  user: ${user}
`

describe("a kubeconfig", () => {
  const users: ReadonlyArray<readonly [string, string, string]> = [
    ["token", "{ token: s3cret }", "Bearer s3cret"],
    ["password", "{ username: me, password: s3cret }", `Basic ${Buffer.from("me:s3cret").toString("base64")}`],
    [
      "exec plugin",
      `{ exec: { apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: echo, args: [ '{"status":{"token":"s3cret"}}' ] } }`,
      "Bearer s3cret"
    ]
  ]
  for (const [kind, user, header] of users) {
    it.live(`with a ${kind}`, () =>
      Effect.gen(function* () {
        const { asked, url } = yield* kubeServer((_, answer) => answer.json(200, {}))
        const file = join(yield* directory, "config")
        yield* write(file, config(url, user))
        const api = yield* over(Connection.layer({ kubeconfig: file }))
        assert.strictEqual((yield* ask(api))._tag, "Success")
        assert.strictEqual(asked[0]?.headers.authorization, header)
        assert.strictEqual(asked[0]?.path, "/prefix/api/v1/nodes/n")
      }).pipe(Effect.scoped, quiet)
    )
  }

  it.live("can be told to go elsewhere", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* kubeServer((_, answer) => answer.json(200, {}))
      const file = join(yield* directory, "config")
      yield* write(file, config("https://192.0.2.1", "{ token: s3cret }"))
      const api = yield* over(Connection.layer({ kubeconfig: file, master: `${url}/` }))
      yield* ask(api)
      assert.strictEqual(asked[0]?.path, "/api/v1/nodes/n")
    }).pipe(Effect.scoped, quiet)
  )

  it.live("and the flag may leave the scheme out", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* kubeServer((_, answer) => answer.json(200, {}))
      const file = join(yield* directory, "config")
      const bare = url.replace("http://", "")
      yield* write(file, config(bare, "{ token: s3cret }").replace("/prefix/", ""))
      yield* ask(yield* over(Connection.layer({ kubeconfig: file })))
      yield* ask(yield* over(Connection.layer({ kubeconfig: file, master: bare })))
      assert.strictEqual(asked.length, 2)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("with an address that is none names file, cluster and field; so does the flag", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "config")
      const failure = (master?: string) =>
        Effect.map(
          Effect.flip(Effect.flatten(sourceOf({ kubeconfig: file, ...(master === undefined ? {} : { master }) }))),
          ({ message }) => message
        )
      yield* write(file, config(":bad", "{ token: s3cret }"))
      const expected = "expected a URL or host:port, such as https://10.0.0.1:6443"
      assert.strictEqual(
        yield* failure(),
        `credentials: kubeconfig ${file}: server of cluster "c": ":bad/prefix": ${expected}`
      )
      yield* write(file, config("https://192.0.2.1", "{ token: s3cret }"))
      assert.strictEqual(yield* failure(":bad"), `credentials: --master ":bad": ${expected}`)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("that cannot be read shows nothing of itself, nor of what a plugin prints", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "config")
      const problem = Effect.map(Effect.flip(Effect.flatten(sourceOf({ kubeconfig: file }))), ({ message }) => message)
      yield* write(file, "users:\n- name: u\n  user:\n    client-key-data: s3cret\n   token: s3cret\n")
      assert.strictEqual(
        yield* problem,
        `credentials: kubeconfig ${file} cannot be read: line 5: bad indentation of a mapping entry`
      )
      const plugin = (script: string) =>
        `{ exec: { apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [ -c, "${script}" ] } }`
      yield* write(file, config("https://192.0.2.1", plugin("echo s3cret")))
      assert.strictEqual(yield* problem, `credentials: kubeconfig ${file}: what the exec plugin prints is not JSON`)
      yield* write(file, config("https://192.0.2.1", plugin("echo no login, token=s3cret >&2; exit 1")))
      assert.strictEqual(yield* problem, `credentials: kubeconfig ${file}: no login, token=<redacted>\n`)
    }).pipe(Effect.scoped, quiet)
  )

  const behind = (proxy: string) =>
    config("https://192.0.2.1", "{ token: s3cret }").replace("/prefix/", `", proxy-url: "${proxy}`)

  it.live("with a proxy that is none names file, cluster and field, and not what may hold a password", () =>
    Effect.gen(function* () {
      const file = join(yield* directory, "config")
      for (const proxy of [
        "s3cret proxy",
        "s3cret:3128",
        "me:s3cret@proxy:3128",
        "ftp://me:s3cret@proxy",
        "socks5:s3cret",
        "http://me:s3cret%@proxy:3128"
      ]) {
        yield* write(file, behind(proxy))
        const { message } = yield* Effect.flip(Effect.flatten(sourceOf({ kubeconfig: file })))
        const expected = "expected an http, https or socks5 URL, such as http://10.0.0.1:3128"
        assert.strictEqual(message, `credentials: kubeconfig ${file}: proxy-url of cluster "c": ${expected}`, proxy)
      }
    }).pipe(Effect.scoped, quiet)
  )

  it.live("with a proxy goes through it", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* kubeServer((_, answer) => answer.json(200, {}))
      const file = join(yield* directory, "config")
      yield* write(file, behind(url).replace("https://192.0.2.1", "http://192.0.2.1"))
      assert.strictEqual((yield* ask(yield* over(Connection.layer({ kubeconfig: file }))))._tag, "Success")
      assert.strictEqual(asked[0]?.headers.host, "192.0.2.1")
    }).pipe(Effect.scoped, quiet)
  )

  it.effect("that was replaced is read again, and the plugin's answer is kept while it was not", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* kubeServer((_, answer) => answer.json(200, {}))
      const path = yield* directory
      const file = join(path, "config")
      const counting = `{ exec: { apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [ -c, "echo >> ${path}/asked; echo '{\\"status\\":{\\"token\\":\\"one\\"}}'" ] } }`
      yield* write(file, config(url, counting))
      const api = yield* over(Connection.layer({ kubeconfig: file }))
      yield* ask(api)
      yield* TestClock.adjust("61 seconds")
      yield* ask(api)
      assert.strictEqual(yield* Effect.promise(() => readFile(join(path, "asked"), "utf8")), "\n")
      yield* write(file, config(url, "{ token: two }"))
      yield* TestClock.adjust("61 seconds")
      yield* ask(api)
      yield* write(file, "half written: [")
      yield* TestClock.adjust("61 seconds")
      yield* ask(api)
      assert.deepStrictEqual(
        asked.map((request) => request.headers.authorization),
        ["Bearer one", "Bearer one", "Bearer two", "Bearer two"]
      )
    })
  )

  it.live("that is missing says so, and is looked for again", () =>
    Effect.gen(function* () {
      const { url } = yield* kubeServer((_, answer) => answer.json(200, {}))
      const file = join(yield* directory, "config")
      const api = yield* over(Connection.layer({ kubeconfig: file }))
      const error = yield* Effect.flip(api.call({ verb: "get", resource: nodes, name: "n" }))
      assert.include(error.message, `get nodes n: kubeconfig ${file} cannot be read: ENOENT`)
      yield* write(file, config(url, "{ token: s3cret }"))
      assert.strictEqual((yield* ask(api))._tag, "Success")
    }).pipe(Effect.scoped, quiet)
  )
})

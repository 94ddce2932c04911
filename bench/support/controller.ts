/** The program as in its image: bundled, with the image's flags for Node, and the files of a pod. Measured through /proc. */
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Effect, Schedule } from "effect"
import { Listener } from "../../src/cloudstack/memory/http.ts"
import { freePort, start } from "../../test/cluster/Process.ts"
import { apiServer, authority } from "./apiServer.ts"
import { account, clusterId } from "./cluster.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** What `npm run build` does. */
export const bundle = Effect.promise(() =>
  promisify(execFile)("node_modules/.bin/rolldown", ["-c", "rolldown.config.ts"], { cwd: root })
)

/** A directory for the scope, with these files. */
const directoryWith = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const directory = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "cloudstack-ccm-bench-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  yield* Effect.forEach(Object.entries(files), ([name, content]) =>
    Effect.promise(() => writeFile(join(directory, name), content))
  )
  return directory
})

const ticksPerSecond = 100

/** CPU seconds of a process so far. */
const cpuOf = (pid: number) =>
  Effect.promise(async () => {
    const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ")
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  })

/** Resident MiB: now, and at the worst moment so far. */
const memoryOf = (pid: number) =>
  Effect.promise(async () => {
    const text = await readFile(`/proc/${pid}/status`, "utf8")
    const mib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024
    return { now: mib("VmRSS"), peak: mib("VmHWM") }
  })

/** How the image starts Node; read where it is written, so that both stay the same. */
const image = Effect.promise(async () => {
  const text = await readFile(join(root, "deploy/Containerfile"), "utf8")
  const entry = /^ENTRYPOINT (.+)$/m.exec(text)?.[1] ?? ""
  const variables = /^ENV (.+)$/m.exec(text)?.[1] ?? ""
  return {
    flags: [...entry.matchAll(/"(--[^"]+)"/g)].map(([, flag = ""]) => flag),
    env: Object.fromEntries([...variables.matchAll(/(\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value]))
  }
})

const cloudConfig = (url: string) => `[Global]
api-url = ${url}
api-key = ${account.apikey}
secret-key = ${account.secretkey}
cluster-id = ${clusterId}
# Five times what is usual, for a shorter benchmark.
rate-limit-qps = 100
`

/** A line of Prometheus' text. */
const metricIn = (text: string, name: string) =>
  Number(new RegExp(`^${name}\\{name="service"\\} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN)

/** Starts it against the API server and the CloudStack in memory; it ends with the scope. */
export const launch = Effect.fnUntraced(function* (flags: ReadonlyArray<string> = []) {
  const { url } = yield* Listener
  let began = 0
  let firstList = Number.NaN
  const api = yield* apiServer((method, path) => {
    if (Number.isNaN(firstList) && method === "GET" && /^\/api\/v1\/(services|nodes)\?/.test(path)) {
      firstList = performance.now() - began
    }
  })
  const directory = yield* directoryWith({
    "ca.crt": yield* authority,
    token: "bench",
    "cloud-config": cloudConfig(url)
  })
  const port = yield* freePort
  const node = yield* image
  began = performance.now()
  const { output, pid, running } = yield* start({
    command: process.execPath,
    args: [
      ...node.flags,
      `--import=${join(root, "bench/support/pod.mjs")}`,
      join(root, "dist/cloudstack-ccm.mjs"),
      "--cloud-provider=external-cloudstack",
      `--cloud-config=${join(directory, "cloud-config")}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      ...flags
    ],
    env: {
      ...node.env,
      BENCH_ACCOUNT: directory,
      KUBERNETES_SERVICE_HOST: "127.0.0.1",
      KUBERNETES_SERVICE_PORT: `${api}`
    },
    logFile: join(directory, "log")
  })

  const metrics = Effect.promise(() => fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text()))
  const queue = Effect.gen(function* () {
    if (!running()) return yield* Effect.die(new Error(yield* output))
    const text = yield* Effect.catchDefect(metrics, () => Effect.succeed(""))
    return {
      added: metricIn(text, "workqueue_adds_total"),
      busy: metricIn(text, "workqueue_depth") + metricIn(text, "workqueue_unfinished_work_seconds")
    }
  })

  return {
    /** Until so many Services in all came up for a look, and all had it. How many did come up. */
    settled: (syncs: number) =>
      queue.pipe(
        Effect.repeat({
          until: ({ added, busy }) => added >= syncs && busy === 0,
          schedule: Schedule.spaced("1 second")
        }),
        Effect.map(({ added }) => added)
      ),
    cpu: cpuOf(pid),
    memory: memoryOf(pid),
    /** Milliseconds from the start of the process to its first question for Services or Nodes. */
    firstList: Effect.sync(() => firstList).pipe(
      Effect.repeat({ until: (millis) => !Number.isNaN(millis), schedule: Schedule.spaced("50 millis") })
    )
  }
})

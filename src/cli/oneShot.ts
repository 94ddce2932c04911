/**
 * What the commands have in common that look once and end: the controller's flags and settings, a chosen form of output,
 * and the same live layers, behind a fence.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Duration, Effect, Layer, Result } from "effect"
import { layerLive as cloudApiLive } from "../cloudstack/live/layerLive.ts"
import { loadCloudConfig } from "../config/load.ts"
import { Settings } from "../config/Settings.ts"
import { ClusterId } from "../controllers/ClusterIdentity.ts"
import * as FencedApi from "../controllers/FencedApi.ts"
import { ServiceOptions } from "../controllers/service/options.ts"
import { nodesLayer, servicesLayer } from "../kubernetes/layers.ts"
import { Connection, sourceOf } from "../kubernetes/live/Connection.ts"
import { layerLive as kubeApiLive } from "../kubernetes/live/layerLive.ts"
import * as logging from "../observability/logging.ts"
import { Fence, LostLeadership } from "../runtime/Fence.ts"
import { CommandError } from "./Command.ts"
import type { Flags } from "./flags/Flags.ts"
import { parseFlags, takesNext } from "./flags/parse.ts"
import { version } from "./version.ts"

export interface Request {
  readonly flags: Flags
  readonly output: "table" | "json"
  /** The command's own flags that were given, without dashes; a bare one is `true`. */
  readonly own: ReadonlyMap<string, string>
  /** What is no flag. */
  readonly names: ReadonlyArray<string>
}

interface Read {
  readonly own: ReadonlyMap<string, string>
  readonly names: ReadonlyArray<string>
  readonly rest: ReadonlyArray<string>
}

/** Takes the flags in `takes` (true = needs a value) and what is no flag out; the rest is the controller's. */
const split = (args: ReadonlyArray<string>, takes: Readonly<Record<string, boolean>>): Read => {
  const own = new Map<string, string>()
  const names: Array<string> = []
  const rest: Array<string> = []
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? ""
    const next = args[index + 1]
    const [name = "", ...value] = arg.replace(/^--?/, "").split("=")
    if (arg === "--") {
      names.push(...args.slice(index + 1))
      break
    }
    if (!arg.startsWith("-")) names.push(arg)
    else if (Object.hasOwn(takes, name)) {
      if (value.length > 0) own.set(name, value.join("="))
      else if (takes[name] !== true) own.set(name, "true")
      // A flag is no value: what stands before it was forgotten.
      else if (next === undefined || next.startsWith("-")) own.set(name, "")
      else own.set(name, args[++index] ?? "")
    } else {
      rest.push(arg)
      if (next !== undefined && takesNext(arg, next)) rest.push(args[++index] ?? "")
    }
  }
  return { own, names, rest }
}

const refuse = (message: string) => new CommandError({ message, exitCode: 1 })

/** Succeeds with the text of the help where that is asked for. */
export const readRequest = (
  args: ReadonlyArray<string>,
  takes: Readonly<Record<string, boolean>>,
  help: string
): Result.Result<Request | string, CommandError> => {
  const { names, own, rest } = split(args, { output: true, o: true, ...takes })
  // Which provider writes providerIDs is of no concern here.
  const parsed = parseFlags(["--cloud-provider=external-cloudstack", ...rest])
  const output = own.get("output") ?? own.get("o") ?? "table"
  switch (parsed._tag) {
    case "Help":
      return Result.succeed(help)
    case "Version":
      return Result.succeed(`cloudstack-ccm ${version}`)
    case "Problems":
      return Result.fail(refuse([...parsed.problems, help].join("\n")))
    case "Run":
      if (output !== "table" && output !== "json") return Result.fail(refuse(`--output is table or json\n${help}`))
      return Result.succeed({ flags: parsed.flags, output, own, names })
  }
}

export const closedFence = Layer.succeed(Fence, { ensure: new LostLeadership({ why: "this command changes nothing" }) })

/** Settings as they are now, and CloudStack behind the fence. */
export const cloudLayer = (flags: Flags, fence: Layer.Layer<Fence>) =>
  Layer.unwrap(
    loadCloudConfig({
      env: process.env,
      ...(flags["cloud-config"] === "" ? {} : { path: flags["cloud-config"] })
    }).pipe(
      Effect.tap(({ warnings }) => Effect.forEach(warnings, (warning) => Effect.logWarning(warning))),
      Effect.map(({ settings }) =>
        FencedApi.layer.pipe(Layer.provide([cloudApiLive, fence]), Layer.provideMerge(Settings.layerOf(settings)))
      ),
      Effect.provide(NodeServices.layer)
    )
  )

/** The API server has to answer within this. */
const patience = Duration.seconds(60)

/** The controller waits for an API server that does not answer; a person wants to know. */
export const withPatience = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutOrElse(effect, { duration: patience, orElse: () => refuse("the API server does not answer") })

const clusterId = Layer.effectContext(withPatience(Layer.build(ClusterId.layerNoDeps)))

/** The cluster, to be read. */
export const clusterLayer = (flags: Flags) => {
  const api = kubeApiLive({
    qps: flags["kube-api-qps"],
    burst: flags["kube-api-burst"],
    userAgent: `cloudstack-ccm/${version}`
  }).pipe(Layer.provide(Connection.layer({ kubeconfig: flags.kubeconfig, master: flags.master })))
  const views = Layer.mergeAll(servicesLayer, nodesLayer, clusterId).pipe(Layer.provide(api))
  return Layer.unwrap(Effect.as(Effect.flatten(sourceOf({ ...flags })), views))
}

export const optionsLayer = (flags: Flags) =>
  ServiceOptions.layerOf({
    adopt: flags.adopt,
    clusterName: flags["cluster-name"],
    ...(flags["load-balancer-class"] === "" ? {} : { loadBalancerClass: flags["load-balancer-class"] })
  })

/** Warnings and errors on stderr; every expected failure is its message and exit code 1. */
export const runOnce = <A, E extends { readonly message: string }, R>(flags: Flags, effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.mapError((error) => (error instanceof CommandError ? error : refuse(error.message))),
    Effect.provide(logging.layer({ format: flags["logging-format"], verbosity: flags.v }))
  )

/** Columns as wide as their widest cell. */
export const table = (heads: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const all = [heads, ...rows]
  const widths = heads.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

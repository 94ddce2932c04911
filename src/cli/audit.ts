/**
 * `cloudstack-ccm audit`: all that the cluster has in CloudStack, what has leaked, what is others', what has drifted; and
 * with `--fix` it releases what is provably the cluster's and belongs to no Service any more.
 */
import { Console, Effect, Layer } from "effect"
import { layer as cloudServices } from "../cloudstack/layers.ts"
import { ClusterId } from "../controllers/ClusterIdentity.ts"
import { AddressLanes } from "../controllers/service/AddressLanes.ts"
import { audit } from "../controllers/service/audit.ts"
import { readForAudit, releaseLeaked } from "../controllers/service/auditRun.ts"
import { MadeObjects } from "../controllers/service/MadeObjects.ts"
import { layer as previewLayer } from "../controllers/service/preview.ts"
import type { Service } from "../kubernetes/objects.ts"
import { Services } from "../kubernetes/Services.ts"
import { Fence } from "../runtime/Fence.ts"
import { auditJson, auditTable, type Report } from "./audit/report.ts"
import { type Command, CommandError } from "./Command.ts"
import * as OneShot from "./oneShot.ts"
import { endWith, plans, unplanned } from "./plan.ts"

const help = `Usage: cloudstack-ccm audit [--fix] [--cluster-id ID] [--output table|json] [flags of the controller]

Shows what this cluster has in CloudStack: used, leaked (of Services that are no more), kept, foreign (others' things on
addresses of the cluster), unused (addresses without any rule or mark) and drifted (what the controller would change).
Ends with 1 where it could not be told for a Service what the controller would change (unplanned), or where not all that
one left could be released (unreleased).

  --fix            Release what has leaked, and nothing else.
  --cluster-id ID  The cluster is gone: Kubernetes is not asked, and all that bears the marks of this id has leaked.`

const refuse = (message: string) => new CommandError({ message, exitCode: 1 })

/** Every cluster has this one: a list without it is not the list of all Services. */
const certain = "default/kubernetes"

const noServices = Effect.succeed<ReadonlyArray<Service>>([])

/** Fails where the list may be incomplete: a Service that is not seen would count as gone. */
export const allServices = Effect.gen(function* () {
  const services = yield* Services
  yield* OneShot.withPatience(services.synced)
  const all = yield* services.all
  if (all.some(({ key }) => key === certain)) return all
  return yield* refuse(`the list of Services lacks ${certain}, so it can not be complete: nothing is concluded from it`)
})

/** Looks, and where that is asked for releases and looks again. */
const look = Effect.fnUntraced(function* (services: Effect.Effect<ReadonlyArray<Service>>, fix: boolean) {
  const before = audit(yield* readForAudit(services))
  if (!fix) return { findings: before, released: [], unreleased: [] }
  const unreleased = yield* releaseLeaked(services)
  const findings = audit(yield* readForAudit(services))
  const left = new Set(findings.filter(({ kind }) => kind === "leaked").map(({ id }) => id))
  return { findings, released: before.filter(({ id, kind }) => kind === "leaked" && !left.has(id)), unreleased }
})

const tools = Layer.mergeAll(cloudServices, AddressLanes.layer, MadeObjects.layer)

export const auditRunning = Effect.fn("audit.running")(function* (fix: boolean) {
  yield* allServices
  const services = yield* Services
  const report = yield* Effect.provide(look(services.all, fix), tools)
  // What is due is rehearsed, what is released is not.
  const due = yield* Effect.provide(plans(undefined), previewLayer)
  const drifted = due.filter(({ calls }) => calls.length > 0)
  return { ...report, drifted, unplanned: due.filter(unplanned) } satisfies Report
})

export const auditGone = (fix: boolean) =>
  Effect.map(
    Effect.provide(look(noServices, fix), tools),
    (report): Report => ({ ...report, drifted: [], unplanned: [] })
  )

/** Whoever reads only the exit code must not take it for done. */
const endWithUnreleased = Effect.fnUntraced(function* ({ unplanned, unreleased }: Report) {
  if (unreleased.length === 0) return yield* endWith(unplanned)
  return yield* refuse(`could not be released: ${unreleased.map(({ service }) => service).join(", ")}`)
})

const run = ({ flags, names, output, own }: OneShot.Request) => {
  const fix = own.get("fix")
  const clusterId = own.get("cluster-id")
  const problems = [
    ...names.map((name) => `unexpected argument ${JSON.stringify(name)}: only flags are taken`),
    ...(fix === undefined || fix === "true" || fix === "false"
      ? []
      : [`--fix is true or false, not ${JSON.stringify(fix)}`]),
    // The flags may be those of a manifest: whoever says --dry-run means that nothing is changed.
    ...(fix === "true" && flags["dry-run"]
      ? ["--fix and --dry-run exclude each other: without --fix nothing is changed"]
      : []),
    ...(clusterId === "" ? ["--cluster-id needs the id of a cluster"] : [])
  ]
  if (problems.length > 0) return Effect.fail(refuse([...problems, help].join("\n")))
  const cloud = OneShot.cloudLayer(flags, fix === "true" ? Fence.layerOpen : OneShot.closedFence)
  const options = OneShot.optionsLayer(flags)
  const print = (report: Report) =>
    Effect.andThen(Console.log(output === "json" ? auditJson(report) : auditTable(report)), endWithUnreleased(report))
  if (clusterId !== undefined) {
    const layer = Layer.mergeAll(cloud, options, ClusterId.layerOf(clusterId))
    return OneShot.runOnce(flags, Effect.flatMap(auditGone(fix === "true"), print).pipe(Effect.provide(layer)))
  }
  const layer = Layer.merge(OneShot.clusterLayer(flags), options).pipe(Layer.provideMerge(cloud))
  return OneShot.runOnce(flags, Effect.flatMap(auditRunning(fix === "true"), print).pipe(Effect.provide(layer)))
}

export const command: Command = (args) =>
  Effect.fromResult(OneShot.readRequest(args, { fix: false, "cluster-id": true }, help)).pipe(
    Effect.flatMap((request) => (typeof request === "string" ? Console.log(request) : run(request)))
  )

/** `cloudstack-ccm plan`: what the controller's next run would do, call by call. Changes nothing. */
import { Console, Effect, Layer, Option } from "effect"
import { currentSelection } from "../controllers/service/options.ts"
import { type Preview, preview, layer as previewLayer, routerCommandsOf } from "../controllers/service/preview.ts"
import { isHandled } from "../controllers/service/selection.ts"
import { Nodes } from "../kubernetes/Nodes.ts"
import { Services } from "../kubernetes/Services.ts"
import { type Command, CommandError } from "./Command.ts"
import * as OneShot from "./oneShot.ts"
import { parametersOf } from "./plan/parameters.ts"

const help = `Usage: cloudstack-ccm plan [<namespace>/<name>] [--output table|json] [flags of the controller]

Shows what the controller's next run would do for all Services or for one, call by call, and counts the commands that
the virtual router has to take. Nothing is changed. "(new …)" is what the run makes itself. Ends with 1 where a Service
could not be planned.`

/** Those that the controller would run for, in order of their names. */
export const plans = Effect.fn("plan")(function* (name: string | undefined) {
  const services = yield* Services
  const selection = yield* currentSelection
  yield* OneShot.withPatience(Effect.all([services.synced, (yield* Nodes).synced]))
  if (name !== undefined && Option.isNone(yield* services.find(name))) {
    return yield* new CommandError({ message: `there is no Service ${JSON.stringify(name)}`, exitCode: 1 })
  }
  const due = (yield* services.all)
    .filter((service) => (name === undefined ? isHandled(service, selection) : service.key === name))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  // One after the other: what is asked of CloudStack belongs to one Service at a time.
  return yield* Effect.forEach(due, preview)
})

/** It says nothing, or not all, about what the run would do. */
export const unplanned = ({ error }: Preview): boolean => error !== undefined

/** Whoever reads only the exit code must not take an incomplete answer for "nothing to do". */
export const endWith = Effect.fnUntraced(function* (all: ReadonlyArray<Preview>) {
  const names = all.filter(unplanned).map(({ service }) => service)
  if (names.length === 0) return
  yield* new CommandError({ message: `could not be planned: ${names.join(", ")}`, exitCode: 1 })
})

const rowsOf = ({ calls, error, notes, result, service, writes }: Preview): ReadonlyArray<ReadonlyArray<string>> => {
  const rows = [
    ...notes.filter(({ type }) => type === "Warning").map(({ message, reason }) => ["warn", reason, message]),
    ...calls.map(({ command, parameters, router }) => [router ? "router" : "call", command, parametersOf(parameters)]),
    ...writes.map((patch) => ["write", "patch services/status", JSON.stringify(patch)]),
    ...(error === undefined ? [] : [["stop", "fails", error]])
  ]
  return rows.length === 0
    ? [[service, "", result === "NotOurs" ? "is not ours" : "nothing to do", ""]]
    : rows.map((row, index) => [index === 0 ? service : "", ...row])
}

export const planTable = (all: ReadonlyArray<Preview>): string => {
  const calls = all.reduce((sum, one) => sum + one.calls.length, 0)
  const router = all.reduce((sum, one) => sum + routerCommandsOf(one), 0)
  const due = all.filter((one) => one.calls.length + one.writes.length > 0).length
  const stopped = all.filter(unplanned).length
  const rest = stopped === 0 ? "" : `; ${stopped} Service(s) could not be planned`
  const total = `${due} of ${all.length} Service(s) to change: ${calls} call(s), ${router} of them for the virtual router`
  if (all.length === 0) return "No Services to look after."
  return `${OneShot.table(["SERVICE", "KIND", "WHAT", "HOW"], all.flatMap(rowsOf))}\n\n${total}${rest}`
}

export const planJson = (all: ReadonlyArray<Preview>): string =>
  JSON.stringify(
    {
      services: all,
      calls: all.flatMap(({ calls }) => calls).length,
      routerCommands: all.map(routerCommandsOf).reduce((a, b) => a + b, 0)
    },
    undefined,
    2
  )

const problemOf = (name: string | undefined, more: ReadonlyArray<string>): string | undefined => {
  if (name === undefined) return undefined
  const names = [name, ...more].map((one) => JSON.stringify(one)).join(", ")
  if (more.length > 0) return `one Service at most can be named, not ${names}`
  return /^[^/]+\/[^/]+$/.test(name) ? undefined : `${names} is no Service: name it as <namespace>/<name>`
}

const run = ({ flags, names, output }: OneShot.Request) => {
  const [name, ...more] = names
  const problem = problemOf(name, more)
  if (problem !== undefined) return Effect.fail(new CommandError({ message: `${problem}\n${help}`, exitCode: 1 }))
  const asked = Layer.merge(OneShot.clusterLayer(flags), OneShot.optionsLayer(flags)).pipe(
    Layer.provideMerge(OneShot.cloudLayer(flags, OneShot.closedFence))
  )
  const shown = Effect.flatMap(plans(name), (all) =>
    Effect.andThen(Console.log(output === "json" ? planJson(all) : planTable(all)), endWith(all))
  )
  return OneShot.runOnce(flags, shown.pipe(Effect.provide(previewLayer.pipe(Layer.provideMerge(asked)))))
}

export const command: Command = (args) =>
  Effect.fromResult(OneShot.readRequest(args, {}, help)).pipe(
    Effect.flatMap((request) => (typeof request === "string" ? Console.log(request) : run(request)))
  )

/** `Machines` over the calls: one complete list, shared by all who can live with its age. */
import { Array, Clock, Effect, Layer, Metric } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { Machine, VmId } from "../../domain/Cloud.ts"
import { cacheAge } from "../../observability/metrics.ts"
import { Lists } from "../Lists.ts"
import { type MachineList, Machines } from "../Machines.ts"
import { makeShared } from "../Shared.ts"
import { type Listed, machines } from "../schemas/machines.ts"
import { makeScopeGuard } from "../scope.ts"
import { noneIfAbsent } from "./absence.ts"

/** `min` for the VM itself, `servoff` for the instance type. */
const details = { details: "min,nics,servoff" }

const placed =
  (wanted: string | undefined) =>
  ({ zoneId, ...machine }: Listed): Machine =>
    wanted === undefined || wanted === machine.zone || wanted === zoneId ? machine : { ...machine, elsewhere: true }

export const layer: Layer.Layer<Machines, never, Lists | Settings> = Layer.effect(
  Machines,
  Effect.gen(function* () {
    const lists = yield* Lists
    const settings = yield* Settings
    const read = Effect.fnUntraced(function* (parameters: { readonly id?: VmId }) {
      const found = yield* lists.all("listVirtualMachines", { ...details, ...parameters }, machines)
      return found.map(placed((yield* settings.current).zone))
    })
    const shared = makeShared(
      Effect.gen(function* () {
        const at = yield* Clock.currentTimeMillis
        return { machines: yield* read({}), at } satisfies MachineList
      })
    )
    const checkScope = yield* makeScopeGuard(shared.forget)
    return Machines.of({
      list: Effect.fn("Machines.list")(function* (maxAge) {
        yield* checkScope
        const { at, value } = yield* shared.get(maxAge)
        const age = (yield* Clock.currentTimeMillis) - at
        yield* Metric.update(cacheAge.of({ cache: "machines" }), age / 1000)
        return value
      }),
      find: Effect.fn("Machines.find")((id) => Effect.map(noneIfAbsent(read({ id })), Array.head))
    })
  })
)

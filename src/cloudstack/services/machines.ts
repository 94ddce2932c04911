/** `Machines` over the calls: one complete list, shared by all who can live with its age. */
import { Array, Clock, Effect, Layer, Metric } from "effect"
import type { Settings } from "../../config/Settings.ts"
import { cacheAge } from "../../observability/metrics.ts"
import { Lists } from "../Lists.ts"
import { type MachineList, Machines } from "../Machines.ts"
import { makeShared } from "../Shared.ts"
import { machines } from "../schemas/machines.ts"
import { makeScopeGuard } from "../scope.ts"
import { noneIfAbsent } from "./absence.ts"

/** `min` for the VM itself, `servoff` for the instance type. */
const details = { details: "min,nics,servoff" }

export const layer: Layer.Layer<Machines, never, Lists | Settings> = Layer.effect(
  Machines,
  Effect.gen(function* () {
    const lists = yield* Lists
    const shared = makeShared(
      Effect.gen(function* () {
        const at = yield* Clock.currentTimeMillis
        const found = yield* lists.all("listVirtualMachines", details, machines)
        return { machines: found, at } satisfies MachineList
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
      find: Effect.fn("Machines.find")((id) =>
        Effect.map(noneIfAbsent(lists.all("listVirtualMachines", { ...details, id }, machines)), Array.head)
      )
    })
  })
)

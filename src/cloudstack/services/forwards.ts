/** `Forwards` over the calls; a role that may not list them is no error, they are unknown then. */
import { Effect, Layer, Option } from "effect"
import type { Forward } from "../../domain/Cloud.ts"
import { Forwards } from "../Forwards.ts"
import { Jobs } from "../Jobs.ts"
import { Lists } from "../Lists.ts"
import { forwards } from "../schemas/forwards.ts"
import { isForbiddenCommand } from "./absence.ts"

export const layer: Layer.Layer<Forwards, never, Lists | Jobs> = Layer.effect(
  Forwards,
  Effect.gen(function* () {
    const lists = yield* Lists
    const jobs = yield* Jobs
    return Forwards.of({
      list: Effect.fn("Forwards.list")((addressId) =>
        Effect.catchIf(
          Effect.asSome(
            lists.all("listPortForwardingRules", addressId === undefined ? {} : { ipaddressid: addressId }, forwards)
          ),
          isForbiddenCommand,
          () => Effect.succeed(Option.none<ReadonlyArray<Forward>>())
        )
      ),
      create: Effect.fn("Forwards.create")(({ addressId, jobId, networkId, privatePort, protocol, publicPort, vmId }) =>
        jobs.submit(
          "createPortForwardingRule",
          {
            ipaddressid: addressId,
            ...(networkId === undefined ? {} : { networkid: networkId }),
            protocol,
            publicport: `${publicPort}`,
            privateport: `${privatePort}`,
            virtualmachineid: vmId,
            // The server would let everybody in.
            openfirewall: "false"
          },
          { jobId }
        )
      ),
      remove: Effect.fn("Forwards.remove")((id) => jobs.submit("deletePortForwardingRule", { id }))
    })
  })
)

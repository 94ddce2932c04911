/** `Addresses` over the calls. The server lists only allocated addresses unless told otherwise. */
import { Array, Effect, Layer } from "effect"
import { Addresses } from "../Addresses.ts"
import { CloudStackError, Malformed } from "../Api.ts"
import { Jobs } from "../Jobs.ts"
import { Lists } from "../Lists.ts"
import { addresses, allocated } from "../schemas/addresses.ts"
import { noneIfAbsent } from "./absence.ts"

export const layer: Layer.Layer<Addresses, never, Lists | Jobs> = Layer.effect(
  Addresses,
  Effect.gen(function* () {
    const lists = yield* Lists
    const jobs = yield* Jobs
    const list = (filter: Readonly<Record<string, string>> = {}) =>
      lists.all("listPublicIpAddresses", filter, addresses)
    return Addresses.of({
      list: list(),
      allocating: Effect.map(list({ allocatedonly: "false", state: "Allocating" }), (found) =>
        // Servers that do not know this filter list all.
        found.filter(({ state }) => state === "Allocating")
      ),
      find: Effect.fn("Addresses.find")((id) => Effect.map(noneIfAbsent(list({ id })), Array.head)),
      inspect: Effect.fn("Addresses.inspect")((id) =>
        Effect.map(noneIfAbsent(list({ id, allocatedonly: "false" })), Array.head)
      ),
      findByIp: Effect.fn("Addresses.findByIp")((ip) => Effect.map(list({ ipaddress: ip }), Array.head)),
      isFree: Effect.fn("Addresses.isFree")((ip) =>
        Effect.map(list({ ipaddress: ip, allocatedonly: "false" }), (found) =>
          found.some(({ state }) => state === "Free")
        )
      ),
      associate: Effect.fn("Addresses.associate")(function* ({ ip, jobId, target }) {
        const pending = yield* jobs.submit(
          "associateIpAddress",
          {
            ...("vpcId" in target ? { vpcid: target.vpcId } : { networkid: target.networkId }),
            ...(ip === undefined ? {} : { ipaddress: ip })
          },
          { jobId }
        )
        const address = Effect.flatMap(pending.done, (result) =>
          Effect.mapError(
            Effect.fromResult(allocated(result)),
            ({ message }) =>
              new CloudStackError({ command: "associateIpAddress", reason: new Malformed({ text: message }), jobId })
          )
        )
        return { ...pending, address }
      }),
      disassociate: Effect.fn("Addresses.disassociate")((id) => jobs.submit("disassociateIpAddress", { id }))
    })
  })
)

/** `Borders` over the firewall commands of isolated networks. */
import { Effect, Layer } from "effect"
import { Borders } from "../Borders.ts"
import { Jobs } from "../Jobs.ts"
import { Lists } from "../Lists.ts"
import { firewallRules } from "../schemas/firewall.ts"

export const layer: Layer.Layer<Borders, never, Lists | Jobs> = Layer.effect(
  Borders,
  Effect.gen(function* () {
    const lists = yield* Lists
    const jobs = yield* Jobs
    return Borders.of({
      list: Effect.fn("Borders.list")((addressId) =>
        lists.all("listFirewallRules", addressId === undefined ? {} : { ipaddressid: addressId }, firewallRules)
      ),
      open: Effect.fn("Borders.open")(({ addressId, cidrs, jobId, port, protocol }) =>
        jobs.submit(
          "createFirewallRule",
          {
            ipaddressid: addressId,
            protocol,
            startport: `${port}`,
            endport: `${port}`,
            cidrlist: cidrs.join(",")
          },
          { jobId }
        )
      ),
      close: Effect.fn("Borders.close")((id) => jobs.submit("deleteFirewallRule", { id }))
    })
  })
)

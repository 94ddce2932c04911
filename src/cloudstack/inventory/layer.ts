/** `Inventory` over the lists: read whole once, then only what changed. */
import { Clock, Effect, Equal, Layer, Metric, Option, Semaphore } from "effect"
import type { Settings } from "../../config/Settings.ts"
import type { AddressId, FirewallRule, Holding, LoadBalancerRule, PublicAddress } from "../../domain/Cloud.ts"
import { cacheAge } from "../../observability/metrics.ts"
import { Addresses } from "../Addresses.ts"
import { Borders } from "../Borders.ts"
import { Inventory } from "../Inventory.ts"
import { LoadBalancers } from "../LoadBalancers.ts"
import type { Machines } from "../Machines.ts"
import { makeShared } from "../Shared.ts"
import { makeScopeGuard } from "../scope.ts"
import { Ledger } from "./Ledger.ts"
import { type MembersByRule, makeMembersOf } from "./members.ts"

/** From so many addresses on, whole lists are cheaper than lists per address. */
const manyAddresses = 4

export const layer: Layer.Layer<Inventory, never, Addresses | Borders | LoadBalancers | Machines | Settings> =
  Layer.effect(
    Inventory,
    Effect.gen(function* () {
      const addresses = yield* Addresses
      const balancers = yield* LoadBalancers
      const borders = yield* Borders
      const membersOf = yield* makeMembersOf
      const ledger = new Ledger()

      const firewallOf = (address: PublicAddress) =>
        // Nothing in a VPC has firewall rules, and some servers refuse the question.
        address.vpcId === undefined ? borders.list(address.id) : Effect.succeed<ReadonlyArray<FirewallRule>>([])

      const firewallsOf = (all: ReadonlyArray<PublicAddress>) =>
        all.length < manyAddresses
          ? Effect.map(Effect.forEach(all, firewallOf, { concurrency: manyAddresses }), (found) => found.flat())
          : borders.list()

      /** All addresses and rules now; members and firewall rules of those that are not as known. */
      const takeStock = Effect.gen(function* () {
        const began = ledger.begin()
        const [held, rules] = yield* Effect.all([addresses.list, balancers.list()], { concurrency: 2 })
        const rulesOf = Map.groupBy(rules, ({ addressId }) => addressId)
        const drafts = held.map((address) => {
          const own = rulesOf.get(address.id) ?? []
          return { address, own, known: sameAs(ledger.trusted(address.id), address, own) }
        })
        const unknown = drafts.filter(({ known }) => known === undefined)
        const [members, firewall] = yield* Effect.all(
          [membersOf(unknown.flatMap(({ own }) => own)), firewallsOf(unknown.map(({ address }) => address))],
          { concurrency: 2 }
        )
        const firewallBy = Map.groupBy(firewall, ({ addressId }) => addressId)
        const holdings = drafts.map(
          ({ address, known, own }) => known ?? assemble(address, own, members, firewallBy.get(address.id) ?? [])
        )
        ledger.recordAll(began, holdings)
        return holdings
      })
      const stock = makeShared(takeStock)

      const forget = Effect.andThen(
        stock.forget,
        Effect.sync(() => ledger.forget())
      )
      const checkScope = yield* makeScopeGuard(forget)

      const readOne = Effect.fnUntraced(function* (address: PublicAddress) {
        const [rules, firewall] = yield* Effect.all([balancers.list({ addressId: address.id }), firewallOf(address)], {
          concurrency: 2
        })
        return assemble(address, rules, yield* membersOf(rules), firewall)
      })

      const fresh = Effect.fn("Inventory.fresh")(function* (id: AddressId) {
        const began = ledger.begin()
        const address = yield* addresses.find(id)
        const holding = Option.isSome(address) ? Option.some(yield* readOne(address.value)) : Option.none()
        ledger.recordOne(began, id, Option.getOrUndefined(holding))
        return holding
      })

      const survey = Effect.fn("Inventory.survey")(function* () {
        yield* checkScope
        const { at, value } = yield* stock.get(0)
        const age = (yield* Clock.currentTimeMillis) - at
        yield* Metric.update(cacheAge.of({ cache: "inventory" }), age / 1000)
        return value
      })

      const one = Semaphore.makeUnsafe(1)
      const holdings = Effect.fn("Inventory.holdings")(function* () {
        yield* checkScope
        const { stale } = ledger
        if (ledger.holdings !== undefined && stale.length < manyAddresses) {
          yield* Effect.forEach(stale, fresh, { concurrency: manyAddresses, discard: true })
          if (ledger.holdings !== undefined) return ledger.holdings
        }
        return (yield* stock.get(0)).value
      })

      return Inventory.of({
        holdings: one.withPermit(Effect.suspend(holdings)),
        fresh,
        survey: Effect.suspend(survey),
        changed: (id) => Effect.sync(() => ledger.changed(id)),
        expire: forget
      })
    })
  )

const sameAs = (
  holding: Holding | undefined,
  address: PublicAddress,
  rules: ReadonlyArray<LoadBalancerRule>
): Holding | undefined =>
  holding !== undefined &&
  Equal.equals(holding.address, address) &&
  Equal.equals(holding.rules.map(withoutMembers), rules)
    ? holding
    : undefined

const withoutMembers = ({ members: _, ...rule }: Holding["rules"][number]): LoadBalancerRule => rule

/** A rule without known members was deleted while its members were read. */
const assemble = (
  address: PublicAddress,
  rules: ReadonlyArray<LoadBalancerRule>,
  members: MembersByRule,
  firewall: ReadonlyArray<FirewallRule>
): Holding => ({
  address,
  firewall,
  rules: rules.flatMap((rule) => {
    const vms = members.get(rule.id)
    return vms === undefined ? [] : [{ ...rule, members: vms }]
  })
})

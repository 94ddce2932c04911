/** `Inventory` over the lists: read whole once, then only what changed. */
import { Clock, Effect, Equal, Layer, Metric, Option, Semaphore } from "effect"
import type { Settings } from "../../config/Settings.ts"
import type {
  AddressId,
  FirewallRule,
  Forward,
  Holding,
  LoadBalancerRule,
  PublicAddress,
  RuleId
} from "../../domain/Cloud.ts"
import { cacheAge } from "../../observability/metrics.ts"
import { Acls } from "../Acls.ts"
import { Addresses } from "../Addresses.ts"
import type { CloudStackError } from "../Api.ts"
import { Borders } from "../Borders.ts"
import { Forwards } from "../Forwards.ts"
import { Inventory, type MembersChange } from "../Inventory.ts"
import { LoadBalancers } from "../LoadBalancers.ts"
import type { Machines } from "../Machines.ts"
import { makeShared } from "../Shared.ts"
import { makeScopeGuard } from "../scope.ts"
import { makeKept } from "./kept.ts"
import { Ledger } from "./Ledger.ts"
import { type MembersByRule, makeMembersOf } from "./members.ts"
import { makePoliciesOf, type PoliciesByRule } from "./policies.ts"
import { hasVanished, haveVanished } from "./vanished.ts"

/** From so many addresses on, whole lists are cheaper than lists per address. */
const manyAddresses = 4

export const layer: Layer.Layer<
  Inventory,
  never,
  Acls | Addresses | Borders | Forwards | LoadBalancers | Machines | Settings
> = Layer.effect(
  Inventory,
  Effect.gen(function* () {
    const addresses = yield* Addresses
    const balancers = yield* LoadBalancers
    const borders = yield* Borders
    const forwarding = yield* Forwards
    const acl = makeKept((yield* Acls).items)
    const membersOf = yield* makeMembersOf
    const policiesOf = yield* makePoliciesOf
    const ledger = new Ledger()

    const firewallOf = (address: PublicAddress) =>
      // Nothing in a VPC has firewall rules, and some servers refuse the question.
      address.vpcId === undefined ? borders.list(address.id) : Effect.succeed<ReadonlyArray<FirewallRule>>([])

    const firewallsOf = (all: ReadonlyArray<PublicAddress>) =>
      all.length < manyAddresses
        ? Effect.map(Effect.forEach(all, firewallOf, { concurrency: manyAddresses }), (found) => found.flat())
        : borders.list()

    /** Balanced ports without a single firewall rule are a strange sight, and one list can be wrong. */
    const surely = (
      firewall: ReadonlyArray<FirewallRule>,
      balanced: boolean,
      again: Effect.Effect<ReadonlyArray<FirewallRule>, CloudStackError>
    ) => (balanced && firewall.length === 0 ? again : Effect.succeed(firewall))

    /** The addresses that carry any rule at all are asked about, in one call. */
    const forwardsOf = Effect.fnUntraced(function* (all: ReadonlyArray<PublicAddress>) {
      const [one, ...more] = all.filter(({ hasRules }) => hasRules !== false)
      if (one === undefined) return Option.some<ReadonlyArray<Forward>>([])
      return yield* forwarding.list(more.length === 0 ? one.id : undefined)
    })

    const lists = makeShared(Effect.all([addresses.list, balancers.list()], { concurrency: 2 }))

    const certainLists = Effect.gen(function* () {
      const known = (ledger.holdings ?? []).flatMap(({ address }) => ledger.remembered(address.id) ?? [])
      const { value } = yield* lists.get(0)
      return haveVanished(known, ...value) ? (yield* lists.get(0)).value : value
    })

    /** Something has gone from an address, and nobody here has removed it. */
    const isDoubtful = (id: AddressId, found: Holding | undefined): boolean => {
      const before = ledger.remembered(id)
      return before !== undefined && hasVanished(before, found)
    }

    const readOne = Effect.fnUntraced(function* (address: PublicAddress) {
      const [rules, firewall, forwarded] = yield* Effect.all(
        [balancers.list({ addressId: address.id }), firewallOf(address), forwardsOf([address])],
        { concurrency: 3 }
      )
      const [members, policies, sure] = yield* Effect.all(
        [membersOf(rules), policiesOf(rules), surely(firewall, rules.length > 0, firewallOf(address))],
        { concurrency: 3 }
      )
      return assemble({ address, rules, members, policies, firewall: sure, forwarded })
    })

    /** All addresses and rules now; members and firewall rules of those that are not as known and that matter. */
    const look = Effect.fnUntraced(function* (relevant: (holding: Holding) => boolean) {
      const [held, rules] = yield* certainLists
      const rulesOf = Map.groupBy(rules, ({ addressId }) => addressId)
      const drafts = held.map((address) => {
        const own = rulesOf.get(address.id) ?? []
        return { address, own, known: sameAs(ledger.trusted(address.id), address, own) }
      })
      const unknown = drafts.filter(({ address, known, own }) => known === undefined && relevant(bare(address, own)))
      const asked = unknown.map(({ address }) => address)
      const rulesAsked = unknown.flatMap(({ own }) => own)
      const [members, policies, firewall, forwards] = yield* Effect.all(
        [membersOf(rulesAsked), policiesOf(rulesAsked), firewallsOf(asked), forwardsOf(asked)],
        { concurrency: 4 }
      )
      const balanced = unknown.some(({ address, own }) => address.vpcId === undefined && own.length > 0)
      const sure = yield* surely(firewall, balanced, firewallsOf(asked))
      const firewallBy = Map.groupBy(sure, ({ addressId }) => addressId)
      const forwardsBy = Option.map(forwards, (all) => Map.groupBy(all, ({ addressId }) => addressId))
      return yield* Effect.forEach(drafts, (draft) => {
        const { address, known, own } = draft
        if (known !== undefined || !unknown.includes(draft)) return Effect.succeed(known ?? bare(address, own))
        const forwarded = Option.map(forwardsBy, (by) => by.get(address.id) ?? [])
        const found = assemble({
          address,
          rules: own,
          members,
          policies,
          firewall: firewallBy.get(address.id) ?? [],
          forwarded
        })
        // Of the rules the lists are certain.
        return isDoubtful(address.id, { ...found, rules: ledger.remembered(address.id)?.rules ?? [] })
          ? readOne(address)
          : Effect.succeed(found)
      })
    })

    const takeStock = Effect.gen(function* () {
      const began = ledger.begin()
      const holdings = yield* look(() => true)
      ledger.recordAll(began, holdings)
      return holdings
    })
    const stock = makeShared(takeStock)

    const forget = Effect.all([stock.forget, acl.changed, Effect.sync(() => ledger.forget())], { discard: true })
    const checkScope = yield* makeScopeGuard(forget)

    const find = Effect.fnUntraced(function* (id: AddressId) {
      const address = yield* addresses.find(id)
      return Option.isSome(address) ? Option.some(yield* readOne(address.value)) : Option.none()
    })

    const fresh = Effect.fn("Inventory.fresh")(function* (id: AddressId) {
      const began = ledger.begin()
      const found = yield* find(id)
      const holding = isDoubtful(id, Option.getOrUndefined(found)) ? yield* find(id) : found
      ledger.recordOne(began, id, Option.getOrUndefined(holding))
      return holding
    })

    /** The members of some rules as just read, everything else as known. */
    const withMembers = (known: Holding, members: MembersByRule): Holding => ({
      ...known,
      rules: known.rules.map((rule) => ({ ...rule, members: members.get(rule.id) ?? rule.members }))
    })

    const freshMembers = Effect.fn("Inventory.freshMembers")(function* (id: AddressId, rules: ReadonlyArray<RuleId>) {
      const began = ledger.begin()
      const known = ledger.trusted(id)
      if (known === undefined) return yield* fresh(id)
      const asked = known.rules.filter((rule) => rules.includes(rule.id))
      const members = yield* membersOf(asked)
      if (asked.length < rules.length || asked.some((rule) => !members.has(rule.id))) return yield* fresh(id)
      const holding = withMembers(known, members)
      ledger.recordOne(began, id, holding)
      return Option.some(holding)
    })

    const membersChanged = (id: AddressId, changes: ReadonlyArray<MembersChange>) => {
      const known = ledger.trusted(id)
      if (known === undefined) return ledger.changed(id)
      const members = new Map(
        changes.flatMap(({ add, drop, rule }) => {
          const before = known.rules.find((one) => one.id === rule)?.members
          if (before === undefined) return []
          return [[rule, [...new Set([...before, ...add])].filter((vm) => !drop.includes(vm))] as const]
        })
      )
      ledger.recordOne(ledger.begin(), id, withMembers(known, members))
    }

    const survey = Effect.fn("Inventory.survey")(function* (relevant: (holding: Holding) => boolean) {
      yield* checkScope
      return yield* look(relevant)
    })

    const whole = Effect.fnUntraced(function* () {
      const { at, value } = yield* stock.get(0)
      const age = (yield* Clock.currentTimeMillis) - at
      yield* Metric.update(cacheAge.of({ cache: "inventory" }), age / 1000)
      return value
    })

    const one = Semaphore.makeUnsafe(1)
    const holdings = Effect.fn("Inventory.holdings")(function* (relevant: (holding: Holding) => boolean) {
      yield* checkScope
      const known = ledger.holdings
      if (known === undefined) return yield* whole()
      const stale = known.filter((holding) => ledger.isStale(holding.address.id) && relevant(holding))
      if (stale.length >= manyAddresses) return yield* whole()
      yield* Effect.forEach(stale, ({ address }) => fresh(address.id), { concurrency: manyAddresses, discard: true })
      return ledger.holdings ?? (yield* whole())
    })

    return Inventory.of({
      holdings: (relevant) => one.withPermit(holdings(relevant)),
      fresh,
      freshMembers,
      membersChanged: (id, changes) => Effect.sync(() => membersChanged(id, changes)),
      survey,
      aclItems: Effect.andThen(checkScope, acl.known),
      freshAclItems: Effect.andThen(checkScope, acl.fresh),
      aclItemsChanged: acl.changed,
      acquired: (address) =>
        Effect.sync(() => {
          ledger.recordOne(ledger.begin(), address.id, bare(address, []))
          ledger.changed(address.id)
        }),
      changed: (id, removed) => Effect.sync(() => ledger.changed(id, removed)),
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

/** For those to whom it does not matter what else is there. */
const bare = (address: PublicAddress, rules: ReadonlyArray<LoadBalancerRule>): Holding => ({
  address,
  firewall: [],
  rules: rules.map((rule) => ({ ...rule, members: [] }))
})

const withoutMembers = ({ members: _, policies: __, ...rule }: Holding["rules"][number]): LoadBalancerRule => rule

/**
 * A rule that is gone when its members are asked for stays in the picture, without members: leaving it out would make
 * what belongs to it look like somebody else's, and whoever builds on it will hear that it is gone.
 */
const assemble = (read: {
  readonly address: PublicAddress
  readonly rules: ReadonlyArray<LoadBalancerRule>
  readonly members: MembersByRule
  readonly policies: PoliciesByRule
  readonly firewall: ReadonlyArray<FirewallRule>
  readonly forwarded: Option.Option<ReadonlyArray<Forward>>
}): Holding => ({
  address: read.address,
  firewall: read.firewall,
  ...(Option.isNone(read.forwarded) ? {} : { forwards: read.forwarded.value }),
  rules: read.rules.map((rule) => {
    const policies = read.policies.get(rule.id)
    const held = { ...rule, members: read.members.get(rule.id) ?? [] }
    return policies === undefined ? held : { ...held, policies }
  })
})

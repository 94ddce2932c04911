/** Makes a Service's load balancer what the Service wants: decide from the cache, and again afresh before any change. */
import { Effect, Option } from "effect"
import { Addresses } from "../../cloudstack/Addresses.ts"
import { CallPriority } from "../../cloudstack/Api.ts"
import { Machines } from "../../cloudstack/Machines.ts"
import { Networks } from "../../cloudstack/Networks.ts"
import type { Holding, RuleId } from "../../domain/Cloud.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { isEmpty } from "./chains.ts"
import { change } from "./change.ts"
import { type Decision, decide, isMembersOnly, isQuiet, membersChanged } from "./decide.ts"
import { namedAddress } from "./desired.ts"
import { driftMessage } from "./drift.ts"
import { mostLooks, type Next, nextOf } from "./failure.ts"
import { hold } from "./hold.ts"
import { reclaim } from "./mark.ts"
import { noNodes } from "./members.ts"
import { cachedHoldings, freshHoldings, freshMembers } from "./observe.ts"
import { Predecessor } from "./Predecessor.ts"
import { pendingWrites, publish } from "./publish.ts"
import { Reporter } from "./Reporter.ts"
import { refuseTaken, settle } from "./settle.ts"
import { takingTurns } from "./sharing.ts"

const announce = Effect.fnUntraced(function* (service: Service, decision: Decision, ended: boolean) {
  const reporter = yield* Reporter
  if (decision.refusal !== undefined) return
  // What a process finds half done when it starts is no drift: another was cut off there.
  const found = (yield* CallPriority) === "resync" && reporter.wasWell(service)
  const drift = found ? driftMessage(decision) : undefined
  if (drift !== undefined) {
    if (ended) yield* reporter.say(service, "Warning", "DriftRepaired", drift)
    return
  }
  yield* reporter.note(service, ended)
  if (isMembersOnly(decision)) {
    // None at all has been told already.
    if (ended && !decision.notes.includes(noNodes))
      yield* reporter.say(service, "Normal", "UpdatedLoadBalancer", "Updated load balancer with new hosts")
    return
  }
  if (ended) return yield* reporter.say(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")
  // What CloudStack refused is tried again at each resync: no news until somebody edits the Service.
  if (reporter.isRefused(service) && (yield* CallPriority) !== "edit") return
  yield* reporter.say(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
})

const carryOut = Effect.fnUntraced(function* (service: Service, decision: Decision) {
  const cluster = yield* ClusterId
  const { show } = decision
  return yield* change({
    cluster,
    service,
    plan: decision.plan,
    leaving: decision.leaving,
    concerned: decision.concerned,
    network: show?.address.networkId ?? "",
    publish:
      show === undefined || decision.refusal !== undefined
        ? Effect.succeedSome(service)
        : publish(service, pendingWrites(service, show.ingress, show.address))
  })
})

/** What CloudStack refuses on an address that has gone meanwhile says nothing about the Service. */
const unlessGone = Effect.fnUntraced(function* ({ show }: Decision, next: Next, looks: number) {
  if (next._tag !== "Refused" || show === undefined || looks >= mostLooks) return next
  const found = yield* (yield* Addresses).find(show.address.id)
  return Option.isSome(found) ? next : ({ _tag: "LookAgain", rigid: [], machines: false } satisfies Next)
})

/** It cannot go where it wants to, so where it still is keeps up with the nodes. */
const stay = Effect.fnUntraced(function* (service: Service, { concerned, meanwhile }: Decision) {
  if (isEmpty(meanwhile)) return
  const cluster = yield* ClusterId
  const publish = Effect.succeedSome(service)
  yield* change({ cluster, service, plan: meanwhile, leaving: [], concerned, network: "", publish })
})

const forgetNetwork = Effect.fnUntraced(function* ({ show }: Decision) {
  const id = show?.address.networkId
  if (id !== undefined) yield* (yield* Networks).forget(id)
})

/** Told where there is nothing to do: what a person has to settle, and what is worth knowing. */
const rest = Effect.fnUntraced(function* (service: Service, { notes, refusal }: Decision) {
  const reporter = yield* Reporter
  yield* reporter.tell(service, notes, refusal)
  yield* reporter.note(service, refusal === undefined)
  if (refusal !== undefined) return "Refused" as const
  yield* (yield* Predecessor).isOver(service)
  return "Converged" as const
})

/** What is to be done, decided anew on what is read now, until it is done. */
const settleAll = Effect.fnUntraced(function* (given: Service, cached: ReadonlyArray<Holding>, first: Decision) {
  const reporter = yield* Reporter
  const rigid = new Set<RuleId>()
  let service = given
  // A named address that is not known may have been acquired since for another Service.
  let concerned = first.acquire?.named === undefined ? first.concerned : []
  const nodesOnly = membersChanged(first).map(({ rule }) => rule)
  for (let looks = 1; ; looks++) {
    const look =
      looks === 1 && nodesOnly.length > 0
        ? freshMembers(cached, concerned, nodesOnly)
        : freshHoldings(service, cached, concerned)
    const holdings = yield* reclaim(service, yield* look)
    const found = yield* refuseTaken(service, yield* decide(service, holdings, rigid))
    if (looks === 1) {
      if (isQuiet(service, found)) return yield* rest(service, found)
      yield* announce(service, found, false)
    }
    const decision = yield* Effect.tapError(settle(service, found, holdings, rigid), () => stay(service, found))
    if (decision.refusal === undefined) service = yield* hold(service)
    const next = yield* unlessGone(decision, nextOf(yield* carryOut(service, decision), looks), looks)
    const refusal = next._tag === "Refused" ? next.refusal : decision.refusal
    yield* reporter.tell(service, decision.notes, refusal)
    // What CloudStack objects to may be what the network no longer offers.
    if (next._tag !== "Done") yield* forgetNetwork(decision)
    switch (next._tag) {
      case "Done":
        if (decision.refusal !== undefined) return "Refused" as const
        yield* announce(service, found, true)
        yield* (yield* Predecessor).isOver(service)
        return "Changed" as const
      case "LookAgain":
        for (const id of next.rigid) rigid.add(id)
        concerned = decision.concerned
        if (next.machines) yield* (yield* Machines).list(0)
        break
      case "Refused":
        yield* stay(service, decision)
        return "Refused" as const
      case "Failed":
        yield* stay(service, decision)
        return yield* next.error
    }
  }
})

/** Where others may be too: the address that is named, those that are left, those that others have rules on. */
const sharedAddresses = (service: Service, cached: ReadonlyArray<Holding>, decision: Decision) => {
  if (isMembersOnly(decision)) return []
  const named = namedAddress(service)
  const concerned = cached.filter(({ address }) => decision.concerned.includes(address.id))
  return [...(named === undefined ? [] : [named]), ...concerned.map(({ address }) => address.ip)]
}

export const ensure = Effect.fn("service.ensure")(function* (given: Service) {
  for (let service = given; ; ) {
    const cached = yield* cachedHoldings(service)
    const first = yield* decide(service, cached, new Set())
    if (isQuiet(service, first)) return yield* rest(service, first)
    const run = takingTurns(sharedAddresses(service, cached, first), settleAll(service, cached, first))
    const result = yield* Effect.catchTag(run, "Superseded", Effect.succeed)
    if (typeof result === "string") return result
    if (result.by === undefined) return "NotOurs" as const
    service = result.by
  }
})

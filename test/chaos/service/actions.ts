/** What users and other people do, carried out. */
import { Effect, Exit } from "effect"
import { isObject, objectAt, textAt } from "../../../src/kubernetes/json.ts"
import { acquired } from "./judge.ts"
import type { Action, Place } from "./scenarios.ts"
import { freeIp, givenIp } from "./settings.ts"
import { nodeManifest, type Stage } from "./stage.ts"
import type { Domain, Time } from "./time.ts"

const hourMillis = 3_600_000

export interface ActorInput {
  readonly time: Time
  readonly server: Domain
  readonly stage: Stage
  /** Until nobody has said anything for a while. */
  readonly settle: () => void
  readonly pass: (millis: number) => void
  /** The user has deleted everything and makes nothing any more. */
  readonly isOver: () => boolean
}

export const makeActor = ({ isOver, pass, server, settle, stage, time }: ActorInput) => {
  const { before, kube, networkId, simulator, world } = stage
  const attempt = (effect: Effect.Effect<unknown, unknown>) => void time.fork(server, Effect.exit(effect))

  /** What the Services show. */
  const published = (): ReadonlySet<string> =>
    new Set(
      Effect.runSync(kube.list("services")).flatMap((service) => {
        const list = objectAt(service, "status", "loadBalancer")["ingress"]
        return Array.isArray(list) ? list.map((entry) => (isObject(entry) ? textAt(entry, "ip") : "")) : []
      })
    )

  const addressAt = (place: Place): string => {
    const now = world()
    if (place === "own") return acquired(before, now).find(({ ip }) => published().has(ip))?.id ?? ""
    return now.addresses.find(({ ip }) => ip === (place === "given" ? givenIp : freeIp))?.id ?? ""
  }

  /** Somebody who wants to do something to it waits for it. */
  const awaitThing = (isThere: () => boolean) => {
    if (isThere()) return
    for (let waited = 0; waited < hourMillis && !isThere() && !isOver(); waited += 5_000) pass(5_000)
    settle()
  }

  const isLeaving = (name: string) => {
    const found = Effect.runSync(Effect.exit(kube.object("services", `shop/${name}`)))
    return Exit.isSuccess(found) && textAt(found.value, "metadata", "deletionTimestamp") !== ""
  }

  return (action: Action): void => {
    switch (action._tag) {
      case "Apply": {
        const { annotations = {}, name, spec } = action
        awaitThing(() => !isLeaving(name))
        if (isOver()) return
        const metadata = { namespace: "shop", name, annotations }
        attempt(kube.apply({ apiVersion: "v1", kind: "Service", metadata, spec }))
        return
      }
      case "Edit":
        attempt(kube.edit("services", `shop/${action.name}`, action.patch))
        return
      case "Remove":
        attempt(kube.remove("services", `shop/${action.name}`))
        return
      case "Join":
        attempt(kube.apply(nodeManifest(action.node)))
        return
      case "Leave":
        attempt(kube.remove("nodes", action.node))
        return
      case "Cloud": {
        awaitThing(() => addressAt(action.on) !== "")
        const id = addressAt(action.on)
        if (id === "") return
        const isRule = action.command === "createLoadBalancerRule"
        const place = isRule ? { publicipid: id, networkid: networkId } : { ipaddressid: id }
        attempt(simulator.callAs("alice", action.command, { ...action.parameters, ...place }))
        return
      }
      case "Wait":
        return
      case "Rules": {
        const old = new Set(before.loadBalancerRules.map(({ id }) => id))
        const rules = () => world().loadBalancerRules.filter(({ id }) => !old.has(id))
        awaitThing(() => rules().length > 0 && published().size > 0)
        for (const { id } of rules()) attempt(simulator.callAs("alice", action.command, { id, ...action.parameters }))
        return
      }
    }
  }
}

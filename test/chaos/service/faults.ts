/** What can go wrong with one call of the controller to the outside: to CloudStack, or a write to the API server. */
import type { FaultKind } from "../../../src/cloudstack/memory/faults.ts"
import type { Dice } from "../nodesRandom.ts"

/** The process dies, and another starts with nothing in memory. */
const deaths = ["die before", "die after effect", "die after answer", "terminate"] as const
/** The allocation that it sent last is still on its way when its successor starts. */
const lateDeath = "die, it arrives later" as const
export type Death = (typeof deaths)[number] | typeof lateDeath

/** Faults that hit a call to CloudStack; the name of each is what happens. */
const anyCall = [
  "429",
  "500 HTML",
  "503",
  "530",
  "empty body",
  "reset before sent",
  "reset before effect",
  "reset after effect",
  "empty body after effect",
  "504 after effect",
  "hang",
  "hang after effect",
  "arrives after the deadline",
  "slow",
  "outage 429",
  "outage 503"
] as const
const lists = ["stale list 5 s", "stale list 60 s", "empty list"] as const
const jobs = [
  "job fails",
  "job fails without result",
  "job stuck, then cancelled",
  "job stuck, then forgotten"
] as const
export type CloudFault = (typeof anyCall)[number] | (typeof lists)[number] | (typeof jobs)[number]

/** Faults that hit a request to the API server. */
const kubeRequests = ["kube: 500", "kube: no answer", "kube: slow", "kube: down"] as const
const kubeWrites = ["kube: conflict", "kube: 500 after effect", "kube: no answer after effect"] as const
/** The watches break while the call is made: in passing, so that too much is missed, or without a sign. */
const watches = ["watch: cut", "watch: cut, then 410", "watch: silent"] as const
export type KubeFault = (typeof kubeRequests)[number] | (typeof kubeWrites)[number]
export type WatchFault = (typeof watches)[number]

/** A user acts at the worst moment. */
const users = ["user deletes"] as const

export type FaultName = Death | CloudFault | KubeFault | WatchFault | (typeof users)[number]

/** The call, counted from 1 over the whole run, and what goes wrong with it or with the next that it can hit. */
export interface Fault {
  readonly at: number
  readonly name: FaultName
}

/** One call to the outside, as it was seen in a run without faults. */
export interface Call {
  readonly to: "CloudStack" | "Kubernetes"
  readonly what: string
}

const readsJob = (what: string) => what === "queryAsyncJobResult" || what === "listAsyncJobs"
const isList = (what: string) => what.startsWith("list") && !readsJob(what)
/** Of CloudStack commands and of requests to the API server. */
const isMutation = (what: string) => !/^(list|query|get|watch)/.test(what)
export const mutates = ({ what }: Call): boolean => isMutation(what)

/** All that can go wrong with such a call. */
export const faultsFor = ({ to, what }: Call): ReadonlyArray<FaultName> => {
  const both: ReadonlyArray<FaultName> = [...deaths, ...users, ...watches]
  if (to === "Kubernetes") return [...both, ...kubeRequests, ...(isMutation(what) ? kubeWrites : [])]
  return [
    ...both,
    ...anyCall,
    ...(isList(what) ? lists : []),
    ...(isMutation(what) ? jobs : []),
    ...(what === "associateIpAddress" ? [lateDeath] : [])
  ]
}

export const isWatchFault = (name: FaultName): name is WatchFault => watches.some((one) => one === name)
/** The server keeps an object that it never finished. */
export const leavesStuckJob = (name: FaultName): boolean => name.startsWith("job stuck")

/** Any two faults at any two calls, as often at neighbouring calls as far apart: trouble comes in company. */
export const twoFaults = (dice: Dice, calls: ReadonlyArray<Call>): ReadonlyArray<Fault> => {
  // A first fault makes the run longer, so the second one may come later than any call of a run without.
  const first = 1 + dice.below(calls.length)
  const second = dice.chance(0.5) ? first + 1 + dice.below(6) : 1 + dice.below(calls.length + 10)
  return [first, second === first ? second + 1 : second].map((at) => {
    const call = calls[at - 1] ?? dice.pick([calls[0] ?? { to: "CloudStack", what: "listNetworks" }, ...calls])
    const [head, ...tail] = faultsFor(call)
    return { at, name: dice.pick([head ?? "429", ...tail]) }
  })
}

/** The faults that the simulated server itself can play, as its fault. */
export const simulated = (name: FaultName): FaultKind | undefined => {
  switch (name) {
    case "429":
      return { _tag: "throttle", millis: 700 }
    case "500 HTML":
      return { _tag: "html500" }
    case "503":
      return { _tag: "error", code: 503, text: "Service unavailable" }
    case "530":
      return { _tag: "error", code: 530, text: "Internal error executing command, please contact your administrator" }
    case "empty body":
      return { _tag: "emptyBody" }
    case "reset before sent":
      return { _tag: "refuseConnection" }
    case "reset after effect":
      return { _tag: "loseAnswer" }
    case "slow":
      return { _tag: "delay", millis: 12_000 }
    case "job fails":
      return { _tag: "failJob", code: 530, text: "Failed due to an agent error", result: true }
    case "job fails without result":
      return { _tag: "failJob", code: 0, result: false }
    case "job stuck, then cancelled":
    case "job stuck, then forgotten":
      return { _tag: "stuckJob" }
    case "stale list 5 s":
      return { _tag: "staleList", millis: 5_000 }
    case "stale list 60 s":
      return { _tag: "staleList", millis: 60_000 }
    default:
      return undefined
  }
}

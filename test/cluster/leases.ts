/** The history of the Lease as the API server tells it, and from that who may have written when. */
import { Effect, Schema, Stream } from "effect"
import { leases } from "../../src/kubernetes/KubeApi.ts"
import { administrator } from "./kube.ts"

/** One state of the Lease; times in milliseconds since the epoch. */
export interface Held {
  /** Empty if it was given back. */
  readonly holder: string
  readonly renewed: number
  /** When it runs out, unless it is renewed. */
  readonly until: number
}

const WatchEvent = Schema.Struct({
  type: Schema.String,
  object: Schema.Struct({
    spec: Schema.Struct({
      holderIdentity: Schema.optionalKey(Schema.String),
      leaseDurationSeconds: Schema.Int,
      renewTime: Schema.String
    })
  })
})
const decode = Schema.decodeUnknownEffect(WatchEvent)

const heldOf = ({ object: { spec } }: typeof WatchEvent.Type): Held => {
  const renewed = Date.parse(spec.renewTime)
  return { holder: spec.holderIdentity ?? "", renewed, until: renewed + spec.leaseDurationSeconds * 1_000 }
}

/** From now on until the scope ends; the result is what was seen so far, oldest first. */
export const leaseHistory = Effect.gen(function* () {
  const api = yield* administrator
  const seen: Array<Held> = []
  const query = { watch: "true", fieldSelector: "metadata.name=cloud-controller-manager" }
  const watching = yield* Effect.forkScoped(
    Stream.runForEach(api.watch(leases, query), (event) =>
      Effect.map(decode(event), (decoded) => {
        seen.push(heldOf(decoded))
      })
    )
  )
  return Effect.suspend((): Effect.Effect<ReadonlyArray<Held>> => {
    const ended = watching.pollUnsafe()
    // A history with a gap would excuse everybody.
    return ended === undefined ? Effect.succeed([...seen]) : Effect.die(new Error(`the watch has ended: ${ended}`))
  })
})

/** The stretches of time in which somebody held the Lease, each from its taking to its end, oldest first. */
export interface Term {
  readonly holder: string
  readonly from: number
  /** When it was last renewed, and until when it lasted by that. */
  readonly renewed: number
  readonly until: number
  /** Whether it was given back, which ends it before its time. */
  readonly released: boolean
}

export const termsOf = (history: ReadonlyArray<Held>): ReadonlyArray<Term> => {
  const terms: Array<Term> = []
  for (const { holder, renewed, until } of history) {
    const last = terms.at(-1)
    if (last !== undefined && last.holder === holder && !last.released) {
      terms[terms.length - 1] = { ...last, renewed, until }
    } else if (holder === "") {
      if (last !== undefined) terms[terms.length - 1] = { ...last, until: renewed, released: true }
    } else {
      terms.push({ holder, from: renewed, renewed, until, released: false })
    }
  }
  return terms
}

/** Something that somebody sent to change the world. */
export interface Write {
  readonly by: string
  readonly at: number
  readonly what: string
}

/** A write by somebody who did not hold the Lease then. */
export interface Lapse extends Write {
  /** By how many milliseconds it came too late; undefined for who had never led. */
  readonly late: number | undefined
}

export const lapses = (terms: ReadonlyArray<Term>, writes: ReadonlyArray<Write>): ReadonlyArray<Lapse> =>
  writes.flatMap((write) => {
    const own = terms.filter(({ holder }) => holder === write.by)
    if (own.some(({ from, until }) => from <= write.at && write.at < until)) return []
    const last = own.findLast(({ from }) => from <= write.at)
    return [{ ...write, late: last === undefined ? undefined : write.at - last.until }]
  })

/** Nobody took the Lease from who still held it. */
export const overlaps = (terms: ReadonlyArray<Term>): ReadonlyArray<string> =>
  terms.flatMap(({ from, holder }, index) => {
    const before = terms[index - 1]
    return before === undefined || before.until <= from
      ? []
      : [`${holder} took the lease ${before.until - from} ms before it ran out for ${before.holder}`]
  })

/** Faults as data: what goes wrong, with which call, and the bookkeeping that makes each happen exactly once. */
import { Schema } from "effect"

export const FaultKind = Schema.TaggedUnion({
  /** Refused without effect, with this code and text. */
  error: { code: Schema.Int, text: Schema.String, cserrorcode: Schema.optionalKey(Schema.Int) },
  /** 429 with this wait, without effect. */
  throttle: { millis: Schema.Int },
  /** A proxy's page instead of an answer, without effect. */
  html500: {},
  /** HTTP 200 and nothing in it, without effect: an exception outside the handled ones. */
  emptyBody: {},
  /** Answered as ever, but later. */
  delay: { millis: Schema.Int },
  /** Takes effect, then the connection is cut. */
  loseAnswer: {},
  /** The connection is cut before anything happens. */
  refuseConnection: {},
  /** The job ends in failure and its work is not done; without `result` it has no `jobresult`, as after a restart. */
  failJob: { code: Schema.Int, text: Schema.optionalKey(Schema.String), result: Schema.Boolean },
  /** The job stays at status 0 for good and its work is not done. */
  stuckJob: {},
  /** The list shows what was there this long ago. */
  staleList: { millis: Schema.Int }
})
export type FaultKind = typeof FaultKind.Type

export const Fault = Schema.Struct({
  /** Any command if absent. */
  command: Schema.optionalKey(Schema.String),
  /** The `ref` of an account; any if absent. */
  account: Schema.optionalKey(Schema.String),
  /** The how many-th matching call from now on; the first if absent. */
  occurrence: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  fault: FaultKind
})
export type Fault = typeof Fault.Type

/** A fault and how many matching calls it still lets pass. */
interface Armed {
  readonly fault: Fault
  readonly passes: number
}
export type Arsenal = ReadonlyArray<Armed>

export const arm = (faults: ReadonlyArray<Fault>): Arsenal =>
  faults.map((fault) => ({ fault, passes: (fault.occurrence ?? 1) - 1 }))

/** The faults that hit this call, and what is left for later ones. */
export const strike = (
  arsenal: Arsenal,
  command: string,
  account: string | undefined
): readonly [ReadonlyArray<FaultKind>, Arsenal] => {
  const hits: Array<FaultKind> = []
  const left: Array<Armed> = []
  for (const armed of arsenal) {
    const { fault, passes } = armed
    const matches =
      (fault.command === undefined || fault.command === command) &&
      (fault.account === undefined || fault.account === account)
    if (!matches) left.push(armed)
    else if (passes > 0) left.push({ fault, passes: passes - 1 })
    else hits.push(fault.fault)
  }
  return [hits, left]
}

export const pick = <T extends FaultKind["_tag"]>(
  hits: ReadonlyArray<FaultKind>,
  tag: T
): Extract<FaultKind, { readonly _tag: T }> | undefined =>
  hits.find((hit): hit is Extract<FaultKind, { readonly _tag: T }> => hit._tag === tag)

/** How far back stale lists will have to look. */
export const longestStaleness = (faults: ReadonlyArray<Fault>): number =>
  Math.max(0, ...faults.map(({ fault }) => (fault._tag === "staleList" ? fault.millis : 0)))

/** What a module in this folder exports as `bench`: something to measure, and the budget it is held to. */
import type { Effect } from "effect"

export interface Result {
  readonly what: string
  readonly measured: number
  /** Absent where the figure only tells what another is made of. */
  readonly budget?: number
  readonly unit: string
}

export interface Bench {
  readonly title: string
  /** How to read the figures, above all those that miss their budget. */
  readonly note?: string
  readonly run: Effect.Effect<ReadonlyArray<Result>>
}

/** What a module in this folder exports as `bench`: something to measure, and the budget it is held to. */
import type { Effect } from "effect"

export interface Result {
  readonly what: string
  readonly measured: number
  readonly budget: number
  readonly unit: string
}

export interface Bench {
  readonly title: string
  readonly run: Effect.Effect<ReadonlyArray<Result>>
}

/** The shape of a plan. */
import type { Step } from "./steps.ts"

/** Steps that follow each other; chains of a stage run side by side. */
export interface Chain {
  readonly key: string
  readonly steps: ReadonlyArray<Step>
  /** Run after `steps`, also when one of them failed. */
  readonly always: ReadonlyArray<Step>
  /** Keys of chains of an earlier stage that must have succeeded. */
  readonly needs: ReadonlyArray<string>
}

/** None if there is nothing to do. */
export const chain = (
  key: string,
  steps: ReadonlyArray<Step>,
  needs: ReadonlyArray<string> = []
): ReadonlyArray<Chain> => (steps.length === 0 ? [] : [{ key, steps, always: [], needs }])

export interface Plan {
  readonly traffic: ReadonlyArray<Chain>
  readonly cleanup: ReadonlyArray<Chain>
}

export const isEmpty = (plan: Plan): boolean => plan.traffic.length === 0 && plan.cleanup.length === 0

export const stepsOf = (plan: Plan): ReadonlyArray<Step> =>
  [...plan.traffic, ...plan.cleanup].flatMap((chain) => [...chain.steps, ...chain.always])

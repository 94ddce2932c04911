/** The three durations of leader election and what makes them contradict each other. */
import { Duration } from "effect"
import { margin } from "./Fence.ts"

export interface ElectionTiming {
  /** How long others wait after the last renewal they saw. */
  readonly leaseDuration: Duration.Duration
  /** How long the leader tries to renew before it gives up. */
  readonly renewDeadline: Duration.Duration
  /** Time between attempts, to acquire as to renew. */
  readonly retryPeriod: Duration.Duration
}

export const defaultTiming: ElectionTiming = {
  leaseDuration: Duration.seconds(15),
  renewDeadline: Duration.seconds(10),
  retryPeriod: Duration.seconds(2)
}

/** How much longer than the retry period a candidate sleeps at most: retry × (1 … 1 + jitter). */
export const jitter = 1.2

/** All that is wrong, in upstream's words; the last one is ours, for the fence would never open. */
export const timingProblems = (timing: ElectionTiming): ReadonlyArray<string> => {
  const lease = Duration.toMillis(timing.leaseDuration)
  const renew = Duration.toMillis(timing.renewDeadline)
  const retry = Duration.toMillis(timing.retryPeriod)
  const problems: Array<string> = []
  if (lease < 1) problems.push("leaseDuration must be greater than zero")
  if (renew < 1) problems.push("renewDeadline must be greater than zero")
  if (retry < 1) problems.push("retryPeriod must be greater than zero")
  if (lease <= renew) problems.push("leaseDuration must be greater than renewDeadline")
  if (renew <= retry * jitter) problems.push("renewDeadline must be greater than retryPeriod*JitterFactor")
  if (lease <= retry + Duration.toMillis(margin)) {
    problems.push("leaseDuration must be greater than retryPeriod by more than 2s, or nothing may ever be changed")
  }
  return problems
}

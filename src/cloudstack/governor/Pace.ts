/** When the next call may go: a token bucket, the pause that a 429 asks for, and probing while CloudStack fails. Pure. */

/** What is allowed when nothing is wrong; per second. */
export interface Limits {
  readonly qps: number
  readonly burst: number
}

/** All times in milliseconds of the monotonic clock. */
export interface Pace {
  readonly at: number
  readonly tokens: number
  /** Per second: halved by a 429, back at the limit after a minute without one. */
  readonly rate: number
  readonly pausedUntil: number
  /** Failures since CloudStack last answered anything. */
  readonly failures: number
  /** Pauses since it last answered anything but 429. */
  readonly pauses: number
  /** Set while CloudStack fails: one call may go then, to see whether it still does. */
  readonly probeAt: number | undefined
}

export const probeEvery = 15_000
/** One lost call is no outage. */
const failuresToOutage = 3
/** A server that throttles whatever comes after each pause is as good as down. */
const pausesToOutage = 4
const recoveryMillis = 60_000
/** A server with a window longer than this would be a strange one; a garbled text must not stop us for a day. */
const longestPause = 600_000

export const start = ({ burst, qps }: Limits, now: number): Pace => ({
  at: now,
  tokens: burst,
  rate: qps,
  pausedUntil: 0,
  failures: 0,
  pauses: 0,
  probeAt: undefined
})

const refill = (pace: Pace, { burst, qps }: Limits, now: number): Pace => {
  const elapsed = Math.max(0, now - pace.at)
  return {
    ...pace,
    at: Math.max(now, pace.at),
    tokens: Math.min(burst, pace.tokens + (pace.rate * elapsed) / 1000),
    rate: Math.min(qps, pace.rate + (qps * elapsed) / recoveryMillis)
  }
}

/** `now` or earlier if a call may go at once. */
export const readyAt = (pace: Pace, limits: Limits, now: number): number => {
  const { probeAt, pausedUntil, rate, tokens } = refill(pace, limits, now)
  // Half a token's thousandth of slack: a sleep until "then" must not end a rounding error too early.
  const token = tokens >= 0.9995 ? now : now + Math.ceil(((1 - tokens) / rate) * 1000)
  return Math.max(token, pausedUntil, probeAt ?? 0)
}

export const sent = (pace: Pace, limits: Limits, now: number): Pace => {
  const filled = refill(pace, limits, now)
  return {
    ...filled,
    tokens: filled.tokens - 1,
    probeAt: filled.probeAt === undefined ? undefined : now + probeEvery
  }
}

/** Anything that CloudStack itself said, be it an error, but 429. */
export const answered = (pace: Pace): Pace => ({ ...pace, failures: 0, pauses: 0, probeAt: undefined })

/** No answer, or one that CloudStack did not write. */
export const failed = (pace: Pace, now: number): Pace => {
  const failures = pace.failures + 1
  return {
    ...pace,
    failures,
    probeAt: pace.probeAt ?? (failures >= failuresToOutage ? now + probeEvery : undefined)
  }
}

/** Nobody calls until the time the server named. Calls that were under way when the pause began halve nothing again. */
export const throttled = (pace: Pace, limits: Limits, now: number, waitMillis: number): Pace => {
  const filled = refill(pace, limits, now)
  const until = now + Math.min(waitMillis, longestPause)
  const isOfPause = now < pace.pausedUntil
  const pauses = isOfPause ? pace.pauses : pace.pauses + 1
  return {
    ...filled,
    at: Math.max(until, filled.at),
    tokens: 1,
    rate: isOfPause ? filled.rate : Math.max(1, filled.rate / 2),
    pausedUntil: Math.max(until, pace.pausedUntil),
    failures: 0,
    pauses,
    probeAt: pauses >= pausesToOutage ? Math.max(until, now + probeEvery) : undefined
  }
}

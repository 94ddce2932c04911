/** Durations and booleans as Go's standard library reads and prints them, because manifests written for Go rely on it. */
import { Duration, Option, Result } from "effect"

const nanosPer: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n
}
const part = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g
const whole = /^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/

/** `1h2m3s`, `300ms`, `1.5h`, `0`. No flag or key of ours has a use for a negative one. */
export const parseDuration = (text: string): Result.Result<Duration.Duration, string> => {
  const unsigned = text.replace(/^[+-]/, "")
  if (unsigned !== "0" && !whole.test(unsigned)) {
    return Result.fail("expected a duration such as 15s, 1m30s or 300ms")
  }
  let nanos = 0n
  for (const [, integer = "", fraction = "", unit = ""] of unsigned.matchAll(part)) {
    const scale = nanosPer[unit] ?? 0n
    nanos += BigInt(integer || "0") * scale + (BigInt(fraction || "0") * scale) / 10n ** BigInt(fraction.length)
  }
  if (text.startsWith("-") && nanos > 0n) return Result.fail("must not be negative")
  return Result.succeed(nanos % 1_000_000n === 0n ? Duration.millis(Number(nanos / 1_000_000n)) : Duration.nanos(nanos))
}

/** The way Go's `Duration.String` prints: `10m0s`, `1h0m0s`, `1.5s`, `300ms`, `0s`. */
export const formatDuration = (duration: Duration.Duration): string => {
  const nanos = Option.getOrElse(Duration.toNanos(duration), () => 0n)
  if (nanos === 0n) return "0s"
  for (const [unit, next] of smallUnits) if (nanos < next) return decimal(nanos, nanosPer[unit] ?? 1n) + unit
  const minutes = nanos / 60_000_000_000n
  const seconds = `${decimal(nanos % 60_000_000_000n, 1_000_000_000n)}s`
  if (minutes === 0n) return seconds
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`
}

const smallUnits = [
  ["ns", 1_000n],
  ["µs", 1_000_000n],
  ["ms", 1_000_000_000n]
] as const

const decimal = (nanos: bigint, scale: bigint): string => {
  const fraction = String((nanos % scale) + scale)
    .slice(1)
    .replace(/0+$/, "")
  return `${nanos / scale}${fraction === "" ? "" : `.${fraction}`}`
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, false] as const)
])

/** Exactly what Go's `strconv.ParseBool` takes. */
export const parseBool = (text: string): Result.Result<boolean, string> => {
  const found = truths.get(text)
  return found === undefined ? Result.fail("expected true or false") : Result.succeed(found)
}

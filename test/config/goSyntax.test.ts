import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Duration, Result, Schema } from "effect"
import { formatDuration, parseBool, parseDuration } from "../../src/config/goSyntax.ts"

describe("Go's durations", () => {
  const good: ReadonlyArray<readonly [string, number, string]> = [
    ["0", 0, "0s"],
    ["0s", 0, "0s"],
    ["15s", 15_000, "15s"],
    ["1h2m3s", 3_723_000, "1h2m3s"],
    ["300ms", 300, "300ms"],
    ["1.5h", 5_400_000, "1h30m0s"],
    [".5s", 500, "500ms"],
    ["1.s", 1_000, "1s"],
    ["+5m", 300_000, "5m0s"],
    ["10m0s", 600_000, "10m0s"],
    ["90s", 90_000, "1m30s"],
    ["12h0m0s", 43_200_000, "12h0m0s"],
    ["1500us", 1.5, "1.5ms"],
    ["2µs", 0.002, "2µs"],
    ["7ns", 0.000007, "7ns"],
    ["-0s", 0, "0s"]
  ]
  for (const [text, millis, printed] of good) {
    it(`${text} is ${printed}`, () => {
      const parsed = Result.getOrThrow(parseDuration(text))
      assert.strictEqual(Duration.toMillis(parsed), millis)
      assert.strictEqual(formatDuration(parsed), printed)
    })
  }
  for (const text of ["", "5", "5 s", "s", ".", ".s", "5x", "1h-2m", "five", "1s2", "--1s"]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.deepStrictEqual(parseDuration(text), Result.fail("expected a duration such as 15s, 1m30s or 300ms"))
    })
  }
  it("refuses a negative one", () => {
    assert.deepStrictEqual(parseDuration("-1m30s"), Result.fail("must not be negative"))
  })
  const spans = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000_000_000 })))
  it.prop("what is printed reads back", [spans], ([nanos]) => {
    const duration = Duration.nanos(BigInt(nanos) * 1_234_567n)
    assert.deepStrictEqual(
      Duration.toNanos(Result.getOrThrow(parseDuration(formatDuration(duration)))),
      Duration.toNanos(duration)
    )
  })
})

describe("Go's booleans", () => {
  for (const text of ["1", "t", "T", "TRUE", "true", "True"]) {
    it(`${text} is true`, () => assert.deepStrictEqual(parseBool(text), Result.succeed(true)))
  }
  for (const text of ["0", "f", "F", "FALSE", "false", "False"]) {
    it(`${text} is false`, () => assert.deepStrictEqual(parseBool(text), Result.succeed(false)))
  }
  for (const text of ["", "yes", "no", "on", "tRUE", " true", "2"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.isTrue(Result.isFailure(parseBool(text))))
  }
})

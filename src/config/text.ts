/**
 * Values as people write them, in flags and in the cloud-config: each a codec from text whose refusal says what was
 * expected and never repeats the value, which may be a secret.
 */
import { isIP } from "node:net"
import { Duration, Effect, Redacted, Result, Schema, SchemaIssue, SchemaTransformation } from "effect"
import { formatDuration, parseDuration } from "./goSyntax.ts"

export type Text<A> = Schema.Codec<A, string>

const text = <A>(
  target: Schema.Codec<A, A>,
  parse: (text: string) => Result.Result<A, string>,
  print: (value: A) => string
): Text<A> =>
  Schema.String.pipe(
    Schema.decodeTo(
      target,
      SchemaTransformation.transformEffect<A, string>({
        decode: (input) =>
          Result.match(parse(input), {
            onFailure: (message) => Effect.fail(new SchemaIssue.InvalidValue({ message })),
            onSuccess: Effect.succeed
          }),
        encode: (value) => Effect.succeed(print(value))
      })
    )
  )

const expect = (holds: boolean, expected: string): Result.Result<void, string> =>
  holds ? Result.void : Result.fail(`expected ${expected}`)

/** Anything, also nothing. */
export const plain: Text<string> = Schema.String

/** `parse` is Go's ParseBool for flags and gcfg's wider vocabulary for the file. */
export const boolean = (parse: (text: string) => Result.Result<boolean, string>): Text<boolean> =>
  text(Schema.Boolean, parse, String)

export const integer = (min: number, max: number = Number.MAX_SAFE_INTEGER): Text<number> =>
  text(
    Schema.Int,
    (input) => {
      const value = /^[+-]?(\d+|0[xX][\da-fA-F]+)$/.test(input) ? Number(input) : Number.NaN
      const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
      return Result.map(expect(value >= min && value <= max, `a whole number ${range}`), () => value)
    },
    String
  )

export const number = (min: number): Text<number> =>
  text(
    Schema.Finite,
    (input) => {
      const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(input) ? Number(input) : Number.NaN
      return Result.map(expect(value >= min && Number.isFinite(value), `a number of at least ${min}`), () => value)
    },
    String
  )

export const duration = (min: Duration.Duration = Duration.zero): Text<Duration.Duration> =>
  text(Schema.Duration, atLeast(parseDuration, min), formatDuration)

/** As `duration`, and a bare number counts as seconds. */
export const seconds = (min: Duration.Duration = Duration.zero): Text<Duration.Duration> =>
  text(
    Schema.Duration,
    atLeast((input) => parseDuration(/^\d+$/.test(input) ? `${input}s` : input), min),
    formatDuration
  )

const atLeast =
  (parse: typeof parseDuration, min: Duration.Duration): typeof parseDuration =>
  (input) =>
    Result.flatMap(parse(input), (value) =>
      Duration.isLessThan(value, min)
        ? Result.fail(`expected a duration of at least ${formatDuration(min)}`)
        : Result.succeed(value)
    )

export const list: Text<ReadonlyArray<string>> = text<ReadonlyArray<string>>(
  Schema.Array(Schema.String),
  (input) => Result.succeed(items(input)),
  (values) => values.join(",")
)

const items = (input: string): ReadonlyArray<string> =>
  input
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")

/** Upper and lower case count the same. */
export const oneOf = <const Names extends ReadonlyArray<string>>(names: Names): Text<Names[number]> =>
  text<Names[number]>(
    Schema.Literals(names),
    (input) => {
      const found: Names[number] | undefined = names.find((name) => name.toLowerCase() === input.toLowerCase())
      return found === undefined ? Result.fail(`expected ${names.join(" or ")}`) : Result.succeed(found)
    },
    String
  )

export const secret = (label: string): Text<Redacted.Redacted> =>
  text<Redacted.Redacted>(
    Schema.Redacted(Schema.String),
    (input) =>
      Result.map(expect(!/\s/.test(input), "a key without white space in it"), () => Redacted.make(input, { label })),
    Redacted.value
  )

/** The address of the API, complete with its path. */
export const apiUrl: Text<string> = text(
  Schema.String,
  (input) => {
    const url = URL.parse(input)
    if (url === null || !/^https?:$/.test(url.protocol)) {
      return Result.fail("expected an http or https URL such as https://cloud.example.org/client/api")
    }
    if (url.username !== "" || url.password !== "") return Result.fail("must not hold a user name or password")
    if (url.search !== "" || url.hash !== "") return Result.fail("must end with its path, without ? or #")
    return Result.succeed(input)
  },
  (value) => value
)

export const ipAddress: Text<string> = text(
  Schema.String,
  (input) => Result.map(expect(isIP(input) !== 0, "an IP address"), () => input),
  (value) => value
)

/** IPv4 networks; a bare address stands for itself. */
export const ipv4Networks: Text<ReadonlyArray<string>> = text<ReadonlyArray<string>>(
  Schema.Array(Schema.String),
  (input) => {
    const networks = items(input).map((item) => (item.includes("/") ? item : `${item}/32`))
    const valid = networks.every((network) => {
      const [address = "", prefix = "", ...rest] = network.split("/")
      return rest.length === 0 && isIP(address) === 4 && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32
    })
    return Result.map(expect(valid, "IPv4 addresses or CIDRs, separated by commas"), () => networks)
  },
  (values) => values.join(",")
)

/** Part of names and marks in CloudStack, where `:` and `/` separate. */
const isIdentifier = (input: string) => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(input)
const likeIdentifiers = "letters, digits, dots, dashes and underscores, 63 at most"

export const identifier: Text<string> = text(
  Schema.String,
  (input) => Result.map(expect(isIdentifier(input), likeIdentifiers), () => input),
  (value) => value
)

export const identifiers: Text<ReadonlyArray<string>> = text<ReadonlyArray<string>>(
  Schema.Array(Schema.String),
  (input) =>
    Result.map(expect(items(input).every(isIdentifier), `a list of names made of ${likeIdentifiers}`), () =>
      items(input)
    ),
  (values) => values.join(",")
)

/** What several families of answers have in common: how lists, texts that may be missing, tags and CIDR lists look. */
import { Effect, Result, Schema, SchemaTransformation } from "effect"
import { canonicalText } from "../../domain/Cidr.ts"
import type { Tag } from "../../domain/Cloud.ts"

/** One kind of list: the key that holds the items, and how an item becomes what the domain knows. */
export interface ListOf<A> {
  readonly key: string
  readonly decode: (item: unknown) => Result.Result<A, Schema.SchemaError>
}

export const listOf = <W, I, A>(key: string, wire: Schema.Codec<W, I>, to: (item: W) => A): ListOf<A> => {
  const decode = Schema.decodeUnknownResult(wire)
  return { key, decode: (item) => Result.map(decode(item), to) }
}

/** CloudStack leaves out what is empty. */
export const text = Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("")))
export const flag = Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))
export const list = <S extends Schema.Constraint>(item: S) =>
  Schema.Array(item).pipe(Schema.withDecodingDefaultKey(Effect.succeed([])))

/** A text in load balancer rules, a number in firewall rules. */
export const port = Schema.Union([Schema.FiniteFromString, Schema.Finite])

/** Joined by commas, or by blanks in load balancer rules as they were created. */
export const cidrs = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Array(Schema.String),
    SchemaTransformation.transform({
      decode: (joined: string): ReadonlyArray<string> => canonicalText(joined.split(/[ ,]+/).filter(Boolean)),
      encode: (ranges) => ranges.join(",")
    })
  ),
  Schema.withDecodingDefaultKey(Effect.succeed(""))
)

/** `2021-10-04T09:24:38+0000`, in whatever zone the server is, as milliseconds; undefined if it is no date. */
export const millisOf = (date: string): number | undefined => {
  const millis = Date.parse(date.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"))
  return Number.isNaN(millis) ? undefined : millis
}

export const tags = list(Schema.Struct({ key: Schema.String, value: text }))

export const owned = { account: text, projectid: text }

/** The owner as one word. */
export const ownerOf = ({ account, projectid }: { readonly account: string; readonly projectid: string }): string =>
  projectid === "" ? account : `project:${projectid}`

/** `tags[0].key=…` */
export const tagParameters = (all: ReadonlyArray<Pick<Tag, "key"> & Partial<Tag>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    all.flatMap(({ key, value }, i) => [
      [`tags[${i}].key`, key],
      ...(value === undefined ? [] : [[`tags[${i}].value`, value]])
    ])
  )

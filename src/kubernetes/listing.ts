/** What list and watch have in common: envelopes, identities, and objects that this version cannot read. */
import { Effect, Option, Result, Schema, Stream } from "effect"
import type { Decoded } from "./decode.ts"
import { type KubeApi, operationOf, type Resource } from "./KubeApi.ts"
import { KubeError } from "./KubeError.ts"

export interface Kind<A> {
  readonly resource: Resource
  readonly decode: (json: unknown) => Decoded<A>
}

/** What is read of a page takes far more memory than what is kept of it: a Node is 10 KiB and more. */
const pageSize = "100"

const Page = Schema.Struct({
  metadata: Schema.Struct({ resourceVersion: Schema.String, continue: Schema.optionalKey(Schema.String) }),
  items: Schema.NullOr(Schema.Array(Schema.Unknown))
})

const Identity = Schema.Struct({
  metadata: Schema.Struct({
    name: Schema.String,
    namespace: Schema.optionalKey(Schema.String),
    uid: Schema.String
  })
})
const identity = Schema.decodeUnknownOption(Identity)

/** Key and UID of an object, whatever else is in it. */
export const identityOf = (json: unknown): Option.Option<{ readonly key: string; readonly uid: string }> =>
  Option.map(identity(json), ({ metadata: { namespace, name, uid } }) => ({
    key: namespace === undefined ? name : `${namespace}/${name}`,
    uid
  }))

/** Decodes an envelope; one that is not as expected is treated like a broken connection. */
export const readAs = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  json: unknown,
  operation: string
): Effect.Effect<S["Type"], KubeError> =>
  Effect.mapError(
    Effect.fromResult(Schema.decodeUnknownResult(schema)(json)),
    (error) => new KubeError({ operation, status: 0, text: `unreadable answer: ${error.message}` })
  )

/** Something newer than this program, or damaged: never a reason to take the object for deleted. */
export const complain = (resource: Resource, json: unknown, error: Schema.SchemaError): Effect.Effect<void> =>
  Effect.logError("an object cannot be read; what was known of it stays", {
    resource: resource.plural,
    object: Option.match(identityOf(json), { onNone: () => "unknown", onSome: ({ key }) => key }),
    problem: error.message
  })

/** The complete list, page by page, as of one revision. */
export const listAll = Effect.fnUntraced(function* <A>(api: KubeApi["Service"], { resource, decode }: Kind<A>) {
  const objects: Array<A> = []
  const unreadable = new Set<string>()
  let revision = ""
  const operation = operationOf({ verb: "list", resource })
  const pages = Stream.paginate("", (token) =>
    api.call({ verb: "list", resource, query: { limit: pageSize, ...(token === "" ? {} : { continue: token }) } }).pipe(
      Effect.flatMap((json) => readAs(Page, json, operation)),
      Effect.map(({ items, metadata }) => {
        revision = metadata.resourceVersion
        const next = metadata.continue ?? ""
        return [items ?? [], next === "" ? Option.none<string>() : Option.some(next)] as const
      })
    )
  )
  yield* Stream.runForEach(pages, (item) => {
    const object = decode(item)
    if (Result.isSuccess(object)) {
      objects.push(object.success)
      return Effect.void
    }
    for (const { key } of Option.toArray(identityOf(item))) unreadable.add(key)
    return complain(resource, item, object.failure)
  })
  return { objects, unreadable, revision }
})

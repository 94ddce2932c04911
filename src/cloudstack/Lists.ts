/**
 * Whole lists or an error: pages are read until the server's own count is reached. A list that stays short of its count
 * is refused, because acting on a part of the truth can delete what the rest would have kept.
 */
import { Context, Effect, Layer, Result } from "effect"
import { Settings } from "../config/Settings.ts"
import { type Answer, CloudStackApi, CloudStackError, Malformed, type Parameters } from "./Api.ts"
import type { ListOf } from "./schemas/wire.ts"

interface Item {
  readonly id: string
}

export class Lists extends Context.Service<
  Lists,
  {
    /** All pages, of the configured project if there is one. */
    readonly all: <A extends Item>(
      command: string,
      parameters: Parameters,
      of: ListOf<A>
    ) => Effect.Effect<ReadonlyArray<A>, CloudStackError>
    /** One call, for commands that know neither pages nor projects. */
    readonly unpaged: <A extends Item>(
      command: string,
      parameters: Parameters,
      of: ListOf<A>
    ) => Effect.Effect<ReadonlyArray<A>, CloudStackError>
  }
>()("ccm/cloudstack/Lists") {}

/** The server's own default limit. */
const usualPageSize = 500

/** What was read, and whether that is certainly all. */
interface Reading<A> {
  readonly items: ReadonlyArray<A>
  readonly whole: boolean
}

export const layer: Layer.Layer<Lists, never, CloudStackApi | Settings> = Layer.effect(
  Lists,
  Effect.gen(function* () {
    const api = yield* CloudStackApi
    const settings = yield* Settings
    let pageSize = usualPageSize

    const page = (command: string, parameters: Parameters, number: number) =>
      Effect.suspend(() => api.call(command, { ...parameters, page: `${number}`, pagesize: `${pageSize}` }))

    const read = Effect.fnUntraced(function* <A extends Item>(command: string, parameters: Parameters, of: ListOf<A>) {
      const found = new Map<string, A>()
      let first: number | undefined
      for (let number = 1; ; number++) {
        const answer = yield* page(command, parameters, number)
        const items = yield* itemsOf(command, answer, of)
        const before = found.size
        for (const item of items) found.set(item.id, item)
        const count = countOf(answer) ?? (items.length < pageSize ? found.size : undefined)
        first ??= count
        // Objects that come or go while pages are read shift the others, which are then seen twice or never.
        const steady = count === first && found.size - before === items.length
        if (!steady) return { items: [], whole: false } satisfies Reading<A>
        const reached = count !== undefined && found.size >= count
        if (reached || items.length === 0) return { items: [...found.values()], whole: reached } satisfies Reading<A>
      }
    })

    /** The server may allow smaller pages than usual, and says how small. */
    const withinLimit = <A>(reading: Effect.Effect<A, CloudStackError>): Effect.Effect<A, CloudStackError> =>
      Effect.catch(reading, (error) => {
        const allowed = allowedPageSize(error)
        if (allowed === undefined || allowed >= pageSize) return Effect.fail(error)
        pageSize = allowed
        return withinLimit(reading)
      })

    const insist = <A>(command: string, reading: Effect.Effect<Reading<A>, CloudStackError>) =>
      Effect.flatMap(reading, (first) => (first.whole ? Effect.succeed(first) : reading)).pipe(
        Effect.flatMap(({ items, whole }) =>
          whole ? Effect.succeed(items) : Effect.fail(malformed(command, "the list stays short of its own count"))
        )
      )

    return Lists.of({
      all: Effect.fn("Lists.all")(function* (command, parameters, of) {
        yield* Effect.annotateCurrentSpan({ command })
        const { projectId } = yield* settings.current
        const scope = projectId === undefined ? {} : { projectid: projectId }
        return yield* insist(command, withinLimit(read(command, { ...parameters, ...scope }, of)))
      }),
      unpaged: Effect.fn("Lists.unpaged")(function* (command, parameters, of) {
        yield* Effect.annotateCurrentSpan({ command })
        const reading = Effect.gen(function* () {
          const answer = yield* api.call(command, parameters)
          const items = yield* itemsOf(command, answer, of)
          return { items, whole: items.length >= (countOf(answer) ?? 0) }
        })
        return yield* insist(command, reading)
      })
    })
  })
)

const malformed = (command: string, text: string) => new CloudStackError({ command, reason: new Malformed({ text }) })

/** `{}` is an empty list; a page past the end has a count but no items. */
const itemsOf = <A>(command: string, answer: Answer, of: ListOf<A>) => {
  const items = answer[of.key] ?? []
  if (!Array.isArray(items)) return Effect.fail(malformed(command, `${of.key} is no list`))
  const decoded: Array<A> = []
  for (const item of items) {
    const result = of.decode(item)
    if (Result.isFailure(result)) return Effect.fail(malformed(command, `${of.key}: ${result.failure.message}`))
    decoded.push(result.success)
  }
  return Effect.succeed(decoded)
}

const countOf = (answer: Answer): number | undefined => {
  const { count } = answer
  if (typeof count === "number") return count
  return Object.keys(answer).length === 0 ? 0 : undefined
}

const allowedPageSize = ({ reason }: CloudStackError): number | undefined => {
  if (reason._tag !== "Refused") return undefined
  const size = /max allowed page size value: (\d+)/i.exec(reason.text)?.[1]
  return size === undefined || Number(size) < 1 ? undefined : Number(size)
}

/** What all list commands share: pages, counts, tag filters and the two ways of comparing texts. */
import { Result } from "effect"
import { type ApiError, refuse } from "./errors.ts"
import type { Arguments } from "./parameters.ts"
import type { State } from "./state.ts"

export type Content = Readonly<Record<string, unknown>>

interface Page {
  readonly from: number
  readonly to: number
}

/** Without `page` and `pagesize` the list is cut at the default size without a word; that they come together is checked before. */
export const pageOf = (state: State, args: Arguments): Result.Result<Page, ApiError> => {
  const page = args.int("page")
  const size = args.int("pagesize")
  if (size === -1) {
    return page === undefined
      ? Result.succeed({ from: 0, to: Number.POSITIVE_INFINITY })
      : refuse("Can't specify page parameter when pagesize is -1 (Unlimited)")
  }
  if (size !== undefined && size > state.pageSize) {
    return refuse(`Page size can't exceed max allowed page size value: ${state.pageSize}`)
  }
  if (size === undefined) return Result.succeed({ from: 0, to: state.pageSize })
  const from = (Math.max(page ?? 1, 1) - 1) * size
  return Result.succeed({ from, to: from + size })
}

/** Nothing found is an empty object, a page past the end only the count. */
export const answer = <A>(key: string, count: number, shown: ReadonlyArray<A>, view: (item: A) => Content): Content => {
  if (count === 0) return {}
  return shown.length === 0 ? { count } : { count, [key]: shown.map(view) }
}

export const paged = <A>(
  state: State,
  args: Arguments,
  key: string,
  found: ReadonlyArray<A>,
  view: (item: A) => Content
): Result.Result<Content, ApiError> =>
  Result.map(pageOf(state, args), ({ from, to }) =>
    args.flag("retrieveonlyresourcecount") === true
      ? answer(key, found.length, [], view)
      : answer(key, found.length, found.slice(from, to), view)
  )

export const unpaged = <A>(key: string, found: ReadonlyArray<A>, view: (item: A) => Content): Content =>
  answer(key, found.length, found, view)

/** Several tags are alternatives, and values match without case. */
export const tagFilter = (state: State, args: Arguments): Result.Result<(resource: string) => boolean, ApiError> => {
  const wanted = args.entries("tags")
  if (wanted === undefined) return Result.succeed(() => true)
  for (const { key, value } of wanted) {
    if (value === undefined || value === "") return refuse(`No value is passed in for key ${key ?? "null"}`)
  }
  return Result.succeed((resource) =>
    (state.tags.get(resource) ?? []).some((tag) =>
      wanted.some(({ key, value }) => same(tag.key, key) && same(tag.value, value))
    )
  )
}

/** Equal as the database compares: without case. */
export const same = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a.toLowerCase() === b.toLowerCase()

/** SQL's `LIKE %keyword%`: `%` and `_` are wildcards, case does not count. */
export const keywordMatcher = (
  keyword: string | undefined
): ((...texts: ReadonlyArray<string | undefined>) => boolean) => {
  if (keyword === undefined || keyword === "") return () => true
  const pattern = keyword
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("%", ".*")
    .replaceAll("_", ".")
  const regex = new RegExp(pattern, "is")
  return (...texts) => texts.some((text) => text !== undefined && regex.test(text))
}

/** A filter that counts only if its parameter was sent. */
export const optional = <A>(wanted: A | undefined, actual: A | undefined): boolean =>
  wanted === undefined || wanted === actual

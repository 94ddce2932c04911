/** CloudStack's lists as they would be after what a rehearsal has removed. */
import { Effect } from "effect"
import type { Answer, CloudStackApi, Parameters } from "../../cloudstack/Api.ts"

export interface Removed {
  /** Ids of what was deleted. */
  readonly gone: ReadonlySet<string>
  /** Ids of what has lost its tags. */
  readonly untagged: ReadonlySet<string>
}

/** What a list names, and under which key. */
const listIn = (answer: Answer) => {
  const [key = "", items] = Object.entries(answer).find(([, value]) => Array.isArray(value)) ?? []
  return { key, items: Array.isArray(items) ? items : [] }
}

const left = (answer: Answer, { gone, untagged }: Removed): ReadonlyArray<unknown> => {
  const { items, key } = listIn(answer)
  return items.filter((item) => (key === "tag" ? !untagged.has(String(item.resourceid)) : !gone.has(String(item.id))))
}

/** A list of several pages, read whole: a page alone does not tell how many there would be. */
interface Whole {
  readonly key: string
  readonly items: ReadonlyArray<unknown>
}

const pageOf = ({ items, key }: Whole, { page, pagesize }: Parameters): Answer => ({
  count: items.length,
  [key]: items.slice((Number(page) - 1) * Number(pagesize), Number(page) * Number(pagesize))
})

/** Asks CloudStack and leaves out what was removed. The first page that is asked for reads all of them. */
export const makeLists = (api: CloudStackApi["Service"], removed: Removed) => {
  const wholes = new Map<string, Whole>()
  return Effect.fnUntraced(function* (command: string, parameters: Parameters) {
    const { page, ...what } = parameters
    const question = JSON.stringify([command, what])
    const known = wholes.get(question)
    if (page !== "1" && known !== undefined) return pageOf(known, parameters)
    wholes.delete(question)
    const answer = yield* api.call(command, parameters)
    const { items: first, key } = listIn(answer)
    if (key === "" || removed.gone.size + removed.untagged.size === 0) return answer
    const items = [...left(answer, removed)]
    if (answer["count"] === first.length) return { ...answer, count: items.length, [key]: items } satisfies Answer
    if (page !== "1") return answer
    for (let number = 2, seen = first.length; seen < Number(answer["count"]); number++) {
      const next = yield* api.call(command, { ...parameters, page: `${number}` })
      const found = listIn(next).items.length
      // It has become shorter meanwhile: whoever asks notices by the count.
      if (found === 0) return answer
      seen += found
      items.push(...left(next, removed))
    }
    const whole = { key, items }
    wholes.set(question, whole)
    return pageOf(whole, parameters)
  })
}

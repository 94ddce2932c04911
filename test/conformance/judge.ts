/** Compares a recorded answer with a received one, where `${name}` stands for what every installation chooses itself. */
import { isObject } from "./fields.ts"

const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
const address = String.raw`\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}`
const anonymous: Readonly<Record<string, string>> = {
  N: String.raw`\d+`,
  uuid,
  time: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}`,
  any: ".*"
}
const token = /\$\{([^}]+)\}|<(N|uuid|time|any)>/g
const hasToken = (text: string) => text.search(token) >= 0
const addressKeys = ["ipaddress", "publicip", "vmguestip", "lbvmipaddresses"]

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")
const show = (value: unknown) => JSON.stringify(value)?.slice(0, 300) ?? "nothing"

/** Which value each symbol stands for, both ways. */
export class Names {
  readonly #values: Map<string, string>
  readonly #owners: Map<string, string>
  readonly #released: Set<string>
  /** While an address is acquired, one that was released before may come again under a new name. */
  addressesMayReturn = false

  constructor(other?: Names) {
    this.#values = new Map(other === undefined ? [] : other.#values)
    this.#owners = new Map(other === undefined ? [] : other.#owners)
    this.#released = new Set(other === undefined ? [] : other.#released)
    this.addressesMayReturn = other?.addressesMayReturn ?? false
  }

  valueOf(name: string) {
    return this.#values.get(name)
  }

  bind(name: string, value: string) {
    this.#values.set(name, value)
    this.#owners.set(value, name)
    if (this.addressesMayReturn) this.#released.add(value)
  }

  /** The other name that the value belongs to, if that rules it out for a new one. */
  takenBy(value: string) {
    return this.addressesMayReturn && this.#released.has(value) ? undefined : this.#owners.get(value)
  }

  adopt(trial: Names) {
    for (const [name, value] of trial.#values) this.#values.set(name, value)
    for (const [value, name] of trial.#owners) this.#owners.set(value, name)
    for (const value of trial.#released) this.#released.add(value)
  }

  resolve(text: string) {
    return text.replace(token, (whole, name: string | undefined) =>
      name === undefined ? whole : (this.#values.get(name) ?? whole)
    )
  }

  /** The symbols of a text that have no value yet. */
  unknownIn(text: string) {
    return [...text.matchAll(token)].flatMap(([, name]) => (name === undefined || this.#values.has(name) ? [] : [name]))
  }
}

const differText = (names: Names, expected: string, actual: unknown, path: string): ReadonlyArray<string> => {
  const differs = [`${path}: expected ${show(names.resolve(expected))}, got ${show(actual)}`]
  if (typeof actual !== "string") return differs
  const key =
    path
      .replace(/\[\d+\]$/, "")
      .split(".")
      .at(-1) ?? ""
  const shape = addressKeys.includes(key) ? address : key.endsWith("id") ? uuid : `${uuid}|${address}`
  const fresh: Array<string> = []
  let pattern = ""
  let position = 0
  for (const match of expected.matchAll(token)) {
    const [whole, name, kind = ""] = match
    pattern += escape(expected.slice(position, match.index))
    position = match.index + whole.length
    if (name === undefined) {
      pattern += anonymous[kind]
      continue
    }
    const known = names.valueOf(name)
    if (known !== undefined) pattern += escape(known)
    else if (fresh.includes(name)) pattern += `\\k<v${fresh.indexOf(name)}>`
    else pattern += `(?<v${fresh.push(name) - 1}>${shape})`
  }
  const found = new RegExp(`^(?:${pattern}${escape(expected.slice(position))})$`, "su").exec(actual)
  if (found === null) return differs
  for (const [index, name] of fresh.entries()) {
    const value = found.groups?.[`v${index}`] ?? ""
    const owner = names.takenBy(value)
    if (owner !== undefined)
      return [`${path}: expected a new value for \${${name}}, got that of \${${owner}} (${value})`]
    names.bind(name, value)
  }
  return []
}

const identifying = ["name", "publicport", "startport", "number", "key", "protocol", "value", "ipaddress", "id"]
const similarity = (names: Names, expected: unknown, actual: unknown) => {
  if (!isObject(expected) || !isObject(actual)) return 0
  let score = 0
  for (const [key, value] of Object.entries(expected)) {
    const wanted = typeof value === "string" ? names.resolve(value) : value
    if (key in actual && JSON.stringify(wanted) === JSON.stringify(actual[key]))
      score += identifying.includes(key) ? 10 : 1
  }
  return score
}

/** Pairs the items up, the easily recognised first, so that symbols still unknown are bound by what is left. */
const differInAnyOrder = (
  names: Names,
  expected: ReadonlyArray<unknown>,
  actual: ReadonlyArray<unknown>,
  path: string
): ReadonlyArray<string> => {
  const left = [...actual]
  const problems: Array<string> = []
  const order = expected
    .map((item, index) => ({
      item,
      index,
      score: Math.max(0, ...actual.map((other) => similarity(names, item, other)))
    }))
    .sort((a, b) => b.score - a.score)
  for (const { index, item } of order) {
    const candidates = [...left].sort((a, b) => similarity(names, item, b) - similarity(names, item, a))
    let first: ReadonlyArray<string> | undefined
    let chosen = candidates[0]
    for (const candidate of candidates) {
      const trial = new Names(names)
      const differences = differ(trial, item, candidate, `${path}[${index}]`, false)
      if (differences.length === 0) {
        names.adopt(trial)
        chosen = candidate
        first = []
        break
      }
      first ??= differences
    }
    problems.push(...(first ?? [`${path}[${index}]: no counterpart`]))
    if (candidates.length > 0) left.splice(left.indexOf(chosen), 1)
  }
  return problems
}

const brief = (items: ReadonlyArray<unknown>) =>
  show(
    items.map((item) =>
      isObject(item) ? (item["name"] ?? item["publicport"] ?? item["key"] ?? item["ipaddress"] ?? "?") : item
    )
  )

/** All differences, one line each; symbols met for the first time are bound. */
export const differ = (
  names: Names,
  expected: unknown,
  actual: unknown,
  path: string,
  ordered: boolean
): ReadonlyArray<string> => {
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return [`${path}: expected a list, got ${show(actual)}`]
    if (expected.length !== actual.length) {
      return [`${path}: expected ${expected.length} items ${brief(expected)}, got ${actual.length} ${brief(actual)}`]
    }
    if (!ordered) return differInAnyOrder(names, expected, actual, path)
    return expected.flatMap((item, index) => differ(names, item, actual[index], `${path}[${index}]`, ordered))
  }
  if (isObject(expected)) {
    if (!isObject(actual)) return [`${path}: expected an object, got ${show(actual)}`]
    const missing = Object.keys(expected).filter((key) => !Object.hasOwn(actual, key))
    const surplus = Object.keys(actual).filter((key) => !Object.hasOwn(expected, key))
    return [
      ...missing.map((key) => `${path}.${key}: missing, expected ${show(expected[key])}`),
      ...surplus.map((key) => `${path}.${key}: not expected, got ${show(actual[key])}`),
      ...Object.keys(expected)
        .filter((key) => !missing.includes(key))
        .flatMap((key) => differ(names, expected[key], actual[key], path === "" ? key : `${path}.${key}`, ordered))
    ]
  }
  if (typeof expected === "string" && hasToken(expected)) return differText(names, expected, actual, path)
  return expected === actual ? [] : [`${path}: expected ${show(expected)}, got ${show(actual)}`]
}

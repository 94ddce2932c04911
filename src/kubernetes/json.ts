/** JSON as the API server speaks it, with readers that treat a missing or ill-typed value as absent. */
import type { Schema } from "effect"

export type Json = Schema.Json
export type JsonObject = Schema.JsonObject

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isList = (value: unknown): value is ReadonlyArray<Json> => Array.isArray(value)

/** The value at a path of keys. */
export const at = (value: Json | undefined, ...path: ReadonlyArray<string>): Json | undefined =>
  path.reduce<Json | undefined>((inner, key) => (isObject(inner) ? inner[key] : undefined), value)

export const objectAt = (value: Json | undefined, ...path: ReadonlyArray<string>): JsonObject => {
  const found = at(value, ...path)
  return isObject(found) ? found : {}
}

export const listAt = (value: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<Json> => {
  const found = at(value, ...path)
  return isList(found) ? found : []
}

export const textAt = (value: Json | undefined, ...path: ReadonlyArray<string>): string => {
  const found = at(value, ...path)
  return typeof found === "string" ? found : ""
}

export const textsAt = (value: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<string> =>
  listAt(value, ...path).filter((item) => typeof item === "string")

/** A copy with the value at the path set, or removed when it is `undefined`. */
export const withAt = (
  value: JsonObject,
  path: readonly [string, ...ReadonlyArray<string>],
  inner: Json | undefined
): JsonObject => {
  const [key, next, ...rest] = path
  const { [key]: old, ...others } = value
  if (next !== undefined) {
    if (inner === undefined && !isObject(old)) return value
    return { ...value, [key]: withAt(isObject(old) ? old : {}, [next, ...rest], inner) }
  }
  return inner === undefined ? others : { ...value, [key]: inner }
}

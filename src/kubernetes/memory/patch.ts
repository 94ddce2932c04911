/** Applies patches the way the API server does: strategic merge for the fields that matter here, and RFC 7386. */
import { isObject, type Json, type JsonObject } from "../json.ts"

/** Lists that merge by a key; all others are replaced. */
const mergeKeys: Readonly<Record<string, string>> = {
  "status.addresses": "type",
  "status.conditions": "type",
  "spec.ports": "port"
}
const mergedSets: ReadonlySet<string> = new Set(["metadata.finalizers"])

const deletion = "$deleteFromPrimitiveList/"
const ordering = "$setElementOrder/"

const isList = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value)
const listOf = (value: Json | undefined): ReadonlyArray<Json> => (isList(value) ? value : [])

/** Puts the items that `order` names into that order, in the places they hold. */
const inOrder = (items: ReadonlyArray<Json>, order: ReadonlyArray<Json>): ReadonlyArray<Json> => {
  const sorted = order.filter((item) => items.includes(item))
  let next = 0
  return items.map((item) => (order.includes(item) ? (sorted[next++] ?? item) : item))
}

const mergeByKey = (current: ReadonlyArray<Json>, patch: ReadonlyArray<Json>, key: string, path: string) => {
  if (patch.some((item) => isObject(item) && item["$patch"] === "replace")) {
    return patch.filter((item) => !(isObject(item) && "$patch" in item))
  }
  let merged = current
  for (const item of patch) {
    if (!isObject(item)) continue
    const same = (other: Json) => isObject(other) && other[key] === item[key]
    if (item["$patch"] === "delete") merged = merged.filter((other) => !same(other))
    else if (!merged.some(same)) merged = [...merged, item]
    else merged = merged.map((other) => (isObject(other) && same(other) ? strategicMerge(other, item, path) : other))
  }
  return merged
}

const mergeList = (current: Json | undefined, patch: ReadonlyArray<Json>, path: string): ReadonlyArray<Json> => {
  const key = mergeKeys[path]
  if (key !== undefined) return mergeByKey(listOf(current), patch, key, path)
  if (mergedSets.has(path)) return [...new Set([...listOf(current), ...patch])]
  return patch
}

export const strategicMerge = (current: JsonObject, patch: JsonObject, path = ""): JsonObject => {
  const merged: Record<string, Json> = { ...current }
  const inner = (key: string) => (path === "" ? key : `${path}.${key}`)
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$")) continue
    const now = merged[key]
    if (value === null) delete merged[key]
    else if (isObject(value)) merged[key] = strategicMerge(isObject(now) ? now : {}, value, inner(key))
    else if (isList(value)) merged[key] = mergeList(now, value, inner(key))
    else merged[key] = value
  }
  for (const [directive, items] of Object.entries(patch)) {
    if (!directive.startsWith(deletion)) continue
    const key = directive.slice(deletion.length)
    merged[key] = listOf(merged[key]).filter((item) => !listOf(items).includes(item))
  }
  for (const [directive, items] of Object.entries(patch)) {
    const key = directive.slice(ordering.length)
    if (directive.startsWith(ordering) && mergedSets.has(inner(key))) {
      merged[key] = inOrder(listOf(merged[key]), listOf(items))
    }
  }
  return merged
}

/** `application/merge-patch+json`. */
export const jsonMerge = (current: JsonObject, patch: JsonObject): JsonObject => {
  const merged: Record<string, Json> = { ...current }
  for (const [key, value] of Object.entries(patch)) {
    const now = merged[key]
    if (value === null) delete merged[key]
    else merged[key] = isObject(value) ? jsonMerge(isObject(now) ? now : {}, value) : value
  }
  return merged
}

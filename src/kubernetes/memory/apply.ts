/** `kubectl apply` in small: what the last manifest set and this one does not is removed, what others set stays. */
import { type JsonObject, objectAt } from "../json.ts"

const merged = (current: JsonObject, last: JsonObject, next: JsonObject): JsonObject => ({
  ...Object.fromEntries(Object.entries(current).filter(([key]) => !(key in last))),
  ...next
})

export const applyManifest = (current: JsonObject, last: JsonObject, next: JsonObject): JsonObject => {
  const part = (...path: readonly [string, ...Array<string>]) =>
    merged(objectAt(current, ...path), objectAt(last, ...path), objectAt(next, ...path))
  const { labels: _, annotations: __, ...metadata } = objectAt(current, "metadata")
  const { finalizers } = objectAt(next, "metadata")
  const texts = (name: "labels" | "annotations"): JsonObject => {
    const found = part("metadata", name)
    return Object.keys(found).length === 0 ? {} : { [name]: found }
  }
  return {
    ...current,
    metadata: {
      ...metadata,
      ...texts("labels"),
      ...texts("annotations"),
      ...(finalizers === undefined ? {} : { finalizers })
    },
    spec: part("spec"),
    status: part("status")
  }
}

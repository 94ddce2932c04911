/** `kubectl apply` in small: what the last manifest set and this one does not is removed, what others set stays. */
import { type JsonObject, objectAt } from "../json.ts"

const merged = (current: JsonObject, last: JsonObject, next: JsonObject): JsonObject => ({
  ...Object.fromEntries(Object.entries(current).filter(([key]) => !(key in last))),
  ...next
})

export const applyManifest = (current: JsonObject, last: JsonObject, next: JsonObject): JsonObject => {
  const part = (...path: readonly [string, ...Array<string>]) =>
    merged(objectAt(current, ...path), objectAt(last, ...path), objectAt(next, ...path))
  const { finalizers } = objectAt(next, "metadata")
  return {
    ...current,
    metadata: {
      ...objectAt(current, "metadata"),
      labels: part("metadata", "labels"),
      annotations: part("metadata", "annotations"),
      ...(finalizers === undefined ? {} : { finalizers })
    },
    spec: part("spec"),
    status: part("status")
  }
}

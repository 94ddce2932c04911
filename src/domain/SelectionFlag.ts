/** The one annotation without a suffix: whether a Service is CloudStack's at all. */
import { boolean, booleanValues } from "./Booleans.ts"
import type { Refusal } from "./Refusal.ts"

export const selectionAnnotation = "service.beta.kubernetes.io/cloudstack-load-balancer"

export const selectionMeaning =
  "`false`: the Service gets no load balancer from CloudStack, and loses the one it has. `true`: it gets one although `service-policy` is `annotated`."

export type SelectionFlag =
  | { readonly _tag: "Yes" | "No" | "Absent" }
  | { readonly _tag: "Invalid"; readonly refusal: Refusal }

export const readFlag = (annotations: Readonly<Record<string, string>>): SelectionFlag => {
  const text = annotations[selectionAnnotation]
  if (text === undefined) return { _tag: "Absent" }
  const value = boolean(text)
  if (value !== undefined) return { _tag: value ? "Yes" : "No" }
  return {
    _tag: "Invalid",
    refusal: {
      reason: "InvalidAnnotation",
      field: `metadata.annotations[${selectionAnnotation}]`,
      cause: `"${text}" is not understood`,
      remedy: `Allowed: ${booleanValues}. Until then an existing load balancer stays, a new one waits`
    }
  }
}

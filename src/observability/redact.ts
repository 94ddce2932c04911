/**
 * The second line of defence for secrets in log output. The first is `Redacted` in types; this one catches what a
 * library or a server put into a text.
 */

const hidden = "<redacted>"
const secretNames = "api_?-?key|secret_?-?key|secret|signature|session_?key|password|passwd|token|authorization"
/** `name=value` and `name: value`, also inside JSON and query strings. */
const assignment = new RegExp(
  `((?:${secretNames})["']?\\s*[=:]\\s*["']?)(?:(?:Bearer|Basic)\\s+)?[^\\s"'&,;)}\\]]+`,
  "gi"
)
const bearer = /\b(Bearer|Basic)\s+[\w.~+/-]{8,}=*/gi
const webToken = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g
const secretField = new RegExp(`^(?:.*[._-])?(?:${secretNames})$`, "i")

export const redactText = (text: string): string =>
  text.replace(webToken, hidden).replace(assignment, `$1${hidden}`).replace(bearer, `$1 ${hidden}`)

/** The value of a field, whose name may say that it must not be shown. */
export const redactField = (name: string, value: unknown): unknown => {
  if (typeof value === "string") return secretField.test(name) ? hidden : redactText(value)
  return value
}

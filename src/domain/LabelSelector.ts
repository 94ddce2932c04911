/** Kubernetes' label selectors, as written on the command line: `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>1`. Pure. */

type Requirement =
  | { readonly _tag: "In" | "NotIn"; readonly key: string; readonly values: ReadonlySet<string> }
  | { readonly _tag: "Exists" | "Missing"; readonly key: string }
  | { readonly _tag: "Greater" | "Less"; readonly key: string; readonly bound: number }

export type LabelSelector = ReadonlyArray<Requirement>

const name = "[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
const keyPattern = new RegExp(`^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?${name}$`)
const valuePattern = new RegExp(`^(?:${name})?$`)

const isKey = (text: string): boolean => keyPattern.test(text)

/** Commas inside parentheses belong to a set. */
const split = (text: string): ReadonlyArray<string> => text.split(/,(?![^(]*\))/).map((part) => part.trim())

const valuesOf = (text: string): ReadonlySet<string> | undefined => {
  const values = text.split(",").map((value) => value.trim())
  return values.every((value) => valuePattern.test(value)) ? new Set(values) : undefined
}

const parseOne = (text: string): Requirement | undefined => {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text)
  if (set !== null) {
    const [, key = "", operator, list = ""] = set
    const values = valuesOf(list)
    if (!isKey(key) || values === undefined) return undefined
    return { _tag: operator === "in" ? "In" : "NotIn", key, values }
  }
  const compared = /^([^\s=!<>]+)\s*(==|=|!=|>|<)\s*(\S*)$/.exec(text)
  if (compared !== null) {
    const [, key = "", operator, value = ""] = compared
    if (!isKey(key)) return undefined
    if (operator === ">" || operator === "<") {
      const tag = operator === ">" ? "Greater" : "Less"
      return /^-?\d+$/.test(value) ? { _tag: tag, key, bound: Number(value) } : undefined
    }
    if (!valuePattern.test(value)) return undefined
    return { _tag: operator === "!=" ? "NotIn" : "In", key, values: new Set([value]) }
  }
  const missing = /^!\s*(\S+)$/.exec(text)?.[1]
  if (missing !== undefined) return isKey(missing) ? { _tag: "Missing", key: missing } : undefined
  return isKey(text) ? { _tag: "Exists", key: text } : undefined
}

/** Undefined = not a selector. The empty text is none: it would select everything, which is not what is meant. */
export const parseSelector = (text: string): LabelSelector | undefined => {
  if (text.trim() === "") return undefined
  const all = split(text).map(parseOne)
  const known = all.filter((one) => one !== undefined)
  return known.length === all.length ? known : undefined
}

const holds = (requirement: Requirement, labels: Readonly<Record<string, string>>): boolean => {
  const value = labels[requirement.key]
  switch (requirement._tag) {
    case "In":
      return value !== undefined && requirement.values.has(value)
    // As Kubernetes has it: a label that is not there is in no set.
    case "NotIn":
      return value === undefined || !requirement.values.has(value)
    case "Exists":
      return value !== undefined
    case "Missing":
      return value === undefined
    case "Greater":
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) > requirement.bound
    case "Less":
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) < requirement.bound
  }
}

export const matches = (selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean =>
  selector.every((requirement) => holds(requirement, labels))

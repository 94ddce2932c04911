/** The words that users write for yes and no. */

const yes: ReadonlySet<string> = new Set(["true", "enabled", "yes", "on", "1"])
const no: ReadonlySet<string> = new Set(["false", "disabled", "no", "off", "0"])

/** Undefined = neither. */
export const boolean = (text: string): boolean | undefined => {
  const word = text.trim().toLowerCase()
  return yes.has(word) ? true : no.has(word) ? false : undefined
}

export const booleanValues = "true/false (also enabled/disabled, yes/no, on/off, 1/0 in any case)"

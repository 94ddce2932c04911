/** A strict reader of the Prometheus text format: refuses what Prometheus would refuse, or would misread. */

export interface PromFamily {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: Array<{ readonly name: string; readonly labels: Map<string, string>; readonly value: number }>
}

const metricName = "[a-zA-Z_:][a-zA-Z0-9_:]*"
const sampleLine = new RegExp(`^(${metricName})(?:\\{(.*)\\})? (\\S+)$`)
const labelPair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/

const readLabels = (text: string) => {
  const labels = new Map<string, string>()
  let rest = text
  while (rest !== "") {
    const match = labelPair.exec(rest)
    const [whole, name, value] = match ?? []
    if (whole === undefined || name === undefined || value === undefined) throw new Error(`bad labels: ${text}`)
    if (labels.has(name)) throw new Error(`label twice: ${text}`)
    labels.set(name, value)
    rest = rest.slice(whole.length)
  }
  return labels
}

const readNumber = (text: string) => {
  if (text === "+Inf") return Number.POSITIVE_INFINITY
  if (text === "-Inf") return Number.NEGATIVE_INFINITY
  const value = Number(text)
  if (text.trim() === "" || Number.isNaN(value)) throw new Error(`bad number: ${text}`)
  return value
}

export const readPromText = (text: string): Map<string, PromFamily> => {
  if (text !== "" && !text.endsWith("\n")) throw new Error("no newline at the end")
  const families = new Map<string, PromFamily>()
  const seen = new Set<string>()
  let help: readonly [string, string] | undefined
  let current: PromFamily | undefined
  for (const line of text.split("\n").slice(0, -1)) {
    if (line.startsWith("# HELP ")) {
      const [name = "", ...words] = line.slice(7).split(" ")
      help = [name, words.join(" ")]
      continue
    }
    if (line.startsWith("# TYPE ")) {
      const [name = "", type = ""] = line.slice(7).split(" ")
      if (!["counter", "gauge", "histogram"].includes(type)) throw new Error(`bad type: ${line}`)
      if (families.has(name)) throw new Error(`family twice: ${name}`)
      if (help?.[0] !== name || help[1] === "") throw new Error(`no help: ${name}`)
      current = { name, type, help: help[1], samples: [] }
      families.set(name, current)
      continue
    }
    const [, name, labelText, value] = sampleLine.exec(line) ?? []
    if (name === undefined || value === undefined || current === undefined) throw new Error(`bad line: ${line}`)
    const allowed = current.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]
    const family = current
    if (!allowed.some((suffix) => name === family.name + suffix)) throw new Error(`not of ${family.name}: ${line}`)
    const labels = readLabels(labelText ?? "")
    const id = `${name} ${JSON.stringify([...labels].sort())}`
    if (seen.has(id)) throw new Error(`series twice: ${line}`)
    seen.add(id)
    if (current.type === "counter" && !(readNumber(value) >= 0)) throw new Error(`negative counter: ${line}`)
    current.samples.push({ name, labels, value: readNumber(value) })
  }
  for (const family of families.values()) if (family.type === "histogram") checkHistogram(family)
  return families
}

const checkHistogram = ({ name, samples }: PromFamily) => {
  const series = new Map<string, Array<(typeof samples)[number]>>()
  for (const sample of samples) {
    const key = JSON.stringify([...sample.labels].filter(([label]) => label !== "le").sort())
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const [key, all] of series) {
    const buckets = all.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map((bucket) => readNumber(bucket.labels.get("le") ?? ""))
    const counts = buckets.map((bucket) => bucket.value)
    const rising = (values: ReadonlyArray<number>) => values.every((value, index) => value >= (values[index - 1] ?? 0))
    if (new Set(bounds).size !== bounds.length || !rising(bounds)) throw new Error(`bounds of ${name}${key}`)
    if (!rising(counts)) throw new Error(`counts of ${name}${key} fall`)
    const total = all.find((sample) => sample.name === `${name}_count`)?.value
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || counts.at(-1) !== total) throw new Error(`+Inf of ${name}${key}`)
    if (!all.some((sample) => sample.name === `${name}_sum`)) throw new Error(`no sum of ${name}${key}`)
  }
}

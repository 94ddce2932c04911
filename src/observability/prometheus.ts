/** The Prometheus text format, version 0.0.4, of all metrics that exist in this moment. */
import { Effect, Metric } from "effect"

export const contentType = "text/plain; version=0.0.4; charset=utf-8"

const number = (value: number | bigint) =>
  value === Number.POSITIVE_INFINITY ? "+Inf" : value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value)

const labels = (attributes: Metric.Metric.AttributeSet | undefined, more: ReadonlyArray<[string, string]> = []) => {
  const pairs = [...Object.entries(attributes ?? {}), ...more]
  if (pairs.length === 0) return ""
  const escaped = (value: string) => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
  return `{${pairs.map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`
}

const samples = (series: Metric.Metric.Snapshot): ReadonlyArray<string> => {
  const { attributes, id } = series
  switch (series.type) {
    case "Counter":
      return [`${id}${labels(attributes)} ${number(series.state.count)}`]
    case "Gauge":
      return [`${id}${labels(attributes)} ${number(series.state.value)}`]
    case "Histogram":
      return [
        ...series.state.buckets.map(
          ([bound, count]) => `${id}_bucket${labels(attributes, [["le", number(bound)]])} ${count}`
        ),
        `${id}_bucket${labels(attributes, [["le", "+Inf"]])} ${series.state.count}`,
        `${id}_sum${labels(attributes)} ${number(series.state.sum)}`,
        `${id}_count${labels(attributes)} ${series.state.count}`
      ]
    default:
      return []
  }
}

export const format: Effect.Effect<string> = Effect.map(Metric.snapshot, (snapshot) => {
  const families = new Map<string, Array<Metric.Metric.Snapshot>>()
  for (const series of snapshot) {
    const family = families.get(series.id)
    if (family === undefined) families.set(series.id, [series])
    else family.push(series)
  }
  return [...families]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, all]) => {
      const lines = all.flatMap(samples)
      const [first] = all
      if (first === undefined || lines.length === 0) return []
      const help = (first.description ?? "").replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${first.type.toLowerCase()}`, ...lines]
    })
    .map((line) => `${line}\n`)
    .join("")
})

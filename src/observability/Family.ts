/** A metric with its labels: declared once, and one series per combination of label values. */
import { type Context, Effect, Metric, type Scope } from "effect"

export interface Family<L extends string, M> {
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly labels: ReadonlyArray<L>
  /** Upper bounds of a histogram, without +Inf. */
  readonly buckets: ReadonlyArray<number>
  /** The series with these label values. */
  readonly of: (values: Readonly<Record<L, string>>) => M
}

const family = <L extends string, M extends Metric.Metric<number, unknown>>(
  declared: Omit<Family<L, M>, "of">,
  metric: M,
  labelled: (metric: M, values: Readonly<Record<L, string>>) => M
): Family<L, M> => {
  // Series are asked for on hot paths: the object is made once per combination.
  const made = new Map<string, M>()
  const of = (values: Readonly<Record<L, string>>) => {
    const key = declared.labels.map((label) => values[label]).join("\u0000")
    const known = made.get(key)
    if (known !== undefined) return known
    const series = declared.labels.length === 0 ? metric : labelled(metric, values)
    made.set(key, series)
    return series
  }
  return { ...declared, of }
}

export const counter = <const L extends string = never>(
  name: string,
  help: string,
  labels: ReadonlyArray<L> = []
): Family<L, Metric.Counter<number>> =>
  family(
    { name, help, labels, type: "counter", buckets: [] },
    Metric.counter(name, { description: help, incremental: true }),
    (metric, values) => Metric.withAttributes(metric, values)
  )

export const gauge = <const L extends string = never>(
  name: string,
  help: string,
  labels: ReadonlyArray<L> = []
): Family<L, Metric.Gauge<number>> =>
  family(
    { name, help, labels, type: "gauge", buckets: [] },
    Metric.gauge(name, { description: help }),
    (metric, values) => Metric.withAttributes(metric, values)
  )

export const histogram = <const L extends string = never>(
  name: string,
  help: string,
  buckets: ReadonlyArray<number>,
  labels: ReadonlyArray<L> = []
): Family<L, Metric.Histogram<number>> =>
  family(
    { name, help, labels, type: "histogram", buckets },
    Metric.histogram(name, { description: help, boundaries: buckets }),
    (metric, values) => Metric.withAttributes(metric, values)
  )

/** Makes a series exist with its zero, so that a first increase is seen as one. */
export const touch = (series: Metric.Metric<number, unknown>): Effect.Effect<void> =>
  Effect.asVoid(Metric.value(series))

/** A gauge that is not set but read, whenever somebody looks; until the scope closes. */
export const pull = (series: Metric.Gauge<number>, read: () => number): Effect.Effect<void, never, Scope.Scope> =>
  keep((context) =>
    Metric.registerUnsafe(series, context, { get: () => ({ value: read() }), update: () => {}, modify: () => {} })
  )

/** The same for a counter that somebody else counts. */
export const pullCount = (
  series: Metric.Counter<number>,
  read: () => number
): Effect.Effect<void, never, Scope.Scope> =>
  keep((context) =>
    Metric.registerUnsafe(series, context, {
      get: () => ({ count: read(), incremental: true }),
      update: () => {},
      modify: () => {}
    })
  )

const keep = (register: (context: Context.Context<never>) => Metric.Registration) =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.acquireRelease(
      Effect.sync(() => register(context)),
      (registration) => Effect.sync(registration.remove)
    )
  ).pipe(Effect.asVoid)

import { assert, describe, it } from "@effect/vitest"
import { makeCorrelator, type Verdict } from "../../src/kubernetes/correlator.ts"
import type { EventNote } from "../../src/kubernetes/Events.ts"

const note = (over: Partial<EventNote> & { readonly name?: string } = {}): EventNote => {
  const { name = "web", ...rest } = over
  return {
    about: { kind: "Service", apiVersion: "v1", namespace: "shop", name, uid: `uid-${name}`, resourceVersion: "5" },
    type: "Normal",
    reason: "EnsuringLoadBalancer",
    message: "Ensuring load balancer",
    component: "service-controller",
    ...rest
  }
}

const brief = (verdict: Verdict) =>
  verdict._tag === "Drop" ? "drop" : `${verdict._tag.toLowerCase()} ${verdict.event.count} ${verdict.event.message}`

/** Steps of `[seconds since start, note, what becomes of it]`. */
type Step = readonly [seconds: number, note: EventNote, expected: string]

const run = (steps: ReadonlyArray<Step>) => {
  const { correlate } = makeCorrelator()
  for (const [index, [seconds, said, expected]] of steps.entries()) {
    const verdict = correlate(said, seconds * 1000, BigInt(seconds) * 1_000_000_000n, seconds * 1000)
    assert.strictEqual(brief(verdict), expected, `step ${index}`)
  }
}

const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index)
const varied = (index: number) => note({ message: `rule ${index} is taken` })

describe("correlation", () => {
  it("counts repeats, and only repeats", () =>
    run([
      [0, note(), "create 1 Ensuring load balancer"],
      [1, note(), "count 2 Ensuring load balancer"],
      [2, note({ name: "other" }), "create 1 Ensuring load balancer"],
      [2, note({ type: "Warning" }), "create 1 Ensuring load balancer"],
      [2, note({ reason: "Else" }), "create 1 Ensuring load balancer"],
      [2, note({ component: "x" }), "create 1 Ensuring load balancer"],
      [2, note({ message: "m" }), "create 1 m"],
      [3, note({ about: { ...note().about, resourceVersion: "6" } }), "count 3 Ensuring load balancer"],
      [3, note({ about: { ...note().about, uid: "again" } }), "create 1 Ensuring load balancer"]
    ]))

  it("aggregates from the tenth message on", () =>
    run([
      ...numbers(9).map((index): Step => [index, varied(index), `create 1 rule ${index} is taken`]),
      [10, varied(10), "create 1 (combined from similar events): rule 10 is taken"],
      [11, varied(11), "count 2 (combined from similar events): rule 11 is taken"],
      [11, note({ reason: "Else" }), "create 1 Ensuring load balancer"],
      [12, varied(12), "count 3 (combined from similar events): rule 12 is taken"]
    ]))

  it("forgets look-alikes after ten quiet minutes", () =>
    run([
      ...numbers(10).map(
        (index): Step => [
          index,
          varied(index),
          index < 10 ? `create 1 rule ${index} is taken` : `create 1 (combined from similar events): rule 10 is taken`
        ]
      ),
      [610, varied(11), "count 2 (combined from similar events): rule 11 is taken"],
      [1211, varied(12), "create 1 rule 12 is taken"]
    ]))

  it("lets 25 events of one source about one object through, then one in five minutes", () =>
    run([
      ...numbers(25).map(
        (index): Step => [0, note(), `${index === 1 ? "create" : "count"} ${index} Ensuring load balancer`]
      ),
      [0, note(), "drop"],
      [0, note({ reason: "Else" }), "drop"],
      [0, note({ name: "other" }), "create 1 Ensuring load balancer"],
      [0, note({ component: "x" }), "create 1 Ensuring load balancer"],
      [299, note(), "drop"],
      [300, note(), "count 28 Ensuring load balancer"],
      [301, note(), "drop"],
      [900, note(), "count 30 Ensuring load balancer"],
      [900, note(), "count 31 Ensuring load balancer"],
      [900, note(), "drop"]
    ]))

  it("drops nothing because the clock was set back", () =>
    run([
      [7200, note(), "create 1 Ensuring load balancer"],
      [0, note(), "count 2 Ensuring load balancer"]
    ]))

  it("remembers 4096 of a kind", () => {
    const { correlate } = makeCorrelator()
    const say = (index: number) => brief(correlate(note({ name: `s${index}` }), 0, BigInt(index), 0))
    for (const index of numbers(4096)) say(index)
    assert.strictEqual(say(1), "count 2 Ensuring load balancer")
    say(5000)
    assert.strictEqual(say(2), "create 1 Ensuring load balancer")
    assert.strictEqual(say(1), "count 3 Ensuring load balancer")
  })

  it("names what stands by what it says, in every process", () => {
    const nameIn = (of: EventNote, nanos: bigint) => {
      const verdict = makeCorrelator().correlate(of, 0, nanos, 0)
      return verdict._tag === "Drop" ? "" : verdict.event.name
    }
    const standing = note({ standing: true })
    assert.strictEqual(nameIn(standing, 1n), nameIn(standing, 2n))
    assert.notStrictEqual(nameIn(note(), 1n), nameIn(note(), 2n))
    for (const other of [{ message: "x" }, { reason: "x" }, { name: "x" }, { component: "x" }]) {
      assert.notStrictEqual(nameIn(standing, 1n), nameIn(note({ standing: true, ...other }), 1n))
    }
  })

  it("names no two events alike, and a repeat like the first", () => {
    const { correlate } = makeCorrelator()
    const names = [note(), note({ message: "b" }), note()].map((said) => {
      const verdict = correlate(said, 0, 255n, 0)
      return verdict._tag === "Drop" ? "" : verdict.event.name
    })
    assert.deepStrictEqual(names, ["web.ff", "web.100", "web.ff"])
  })
})

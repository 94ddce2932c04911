/** How a cluster test file begins: with a layer over the control plane's programs, or with one skipped test that says why. */
import { it, layer } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { inject } from "vitest"
import type { Binaries } from "./binaries.ts"

export interface Tests<R> {
  /** `timeout` in milliseconds, if three minutes are not enough. */
  readonly effect: <A, E>(title: string, self: () => Effect.Effect<A, E, R | Scope.Scope>, timeout?: number) => void
}

/** Of a failed test, `explain` is printed. Real time: what is waited for happens in other processes. */
export const suite = <R, E>(
  name: string,
  of: (binaries: Binaries) => Layer.Layer<R, E>,
  tests: (it: Tests<R>) => void,
  explain: Effect.Effect<string, never, R> = Effect.succeed("")
): void => {
  const found = inject("controlPlane")
  if ("binaries" in found) {
    const explained = Effect.tapCause(() => Effect.map(explain, (text) => console.error(text)))
    layer(of(found.binaries), { excludeTestServices: true, timeout: "3 minutes" })(name, (test) =>
      tests({ effect: (title, self, timeout) => test.effect(title, () => explained(self()), timeout) })
    )
    return
  }
  it.skipIf(process.env["CI"] !== "true")(`${name} on a real control plane`, () => {
    throw new Error(`in CI this must run, but: ${found.missing}`)
  })
}

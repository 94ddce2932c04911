/** How a cluster test file begins: with a layer over the control plane's programs, or with one skipped test that says why. */
import { it, layer, type Vitest } from "@effect/vitest"
import type { Layer } from "effect"
import { inject } from "vitest"
import type { Binaries } from "./binaries.ts"

/** Real time: what is waited for happens in other processes. */
export const suite = <R, E>(
  name: string,
  of: (binaries: Binaries) => Layer.Layer<R, E>,
  tests: (it: Vitest.MethodsNonLive<R>) => void
): void => {
  const found = inject("controlPlane")
  if ("binaries" in found) {
    layer(of(found.binaries), { excludeTestServices: true, timeout: "3 minutes" })(name, tests)
    return
  }
  it.skipIf(process.env["CI"] !== "true")(`${name} on a real control plane`, () => {
    throw new Error(`in CI this must run, but: ${found.missing}`)
  })
}

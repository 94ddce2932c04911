/** Writes the generated pages of `docs/reference`, and the table of networks; a test fails while one of them is stale. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { Effect } from "effect"
import { flagsPage } from "../src/cli/flags/help.ts"
import { cloudConfigPage } from "../src/config/page.ts"
import { annotationsReference } from "../src/domain/annotationsPage.ts"
import { metricsReference } from "../src/observability/reference.ts"

export const pages: Readonly<Record<string, () => string>> = {
  "annotations.md": annotationsReference,
  "flags.md": flagsPage,
  "cloud-config.md": cloudConfigPage,
  "metrics.md": metricsReference
}

if (import.meta.main) {
  const folder = new URL("../docs/reference/", import.meta.url)
  mkdirSync(folder, { recursive: true })
  for (const [name, page] of Object.entries(pages)) writeFileSync(new URL(name, folder), page())
  const networks = new URL("../docs/networks.md", import.meta.url)
  // The lives are the tests' own, on the in-memory CloudStack.
  const { networksPage } = await import("../test/support/networksPage.ts")
  const page = networksPage(readFileSync(networks, "utf8"))
  writeFileSync(networks, await Effect.runPromise(page))
}

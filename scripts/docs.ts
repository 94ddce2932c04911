/** Writes the generated pages of `docs/reference`; a test fails while one of them is stale. */
import { mkdirSync, writeFileSync } from "node:fs"
import { flagsPage } from "../src/cli/flags/help.ts"
import { cloudConfigPage } from "../src/config/page.ts"
import { annotationsReference } from "../src/domain/Annotations.ts"
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
}

/** Before the first cluster test: the control plane's programs and a bundle of the present sources. */
import { execFile } from "node:child_process"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import type { TestProject } from "vitest/node"
import { type Binaries, findBinaries } from "./binaries.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** `null` where there is no control plane: the cluster tests are skipped then. */
    readonly binaries: Binaries | null
    readonly bundle: string
  }
}

const root = join(import.meta.dirname, "../..")
const bundle = join(root, "dist/cloudstack-ccm.mjs")
const say = (line: string) => console.error(`[cluster] ${line}`)

export default async function setup(project: TestProject) {
  const found = await findBinaries(say)
  if ("missing" in found) {
    if (process.env["CI"] === "true") throw new Error(`cluster tests can not run: ${found.missing}`)
    say(`SKIPPED, all of them: ${found.missing}`)
    project.provide("binaries", null)
    project.provide("bundle", bundle)
    return
  }
  await buildIfStale()
  project.provide("binaries", found.binaries)
  project.provide("bundle", bundle)
}

const changed = async (path: string): Promise<number> => (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs

/** Tests start what would be shipped, never a bundle of yesterday's sources. */
const buildIfStale = async () => {
  const sources = await readdir(join(root, "src"), { recursive: true })
  const inputs = [...sources.map((name) => join("src", name)), "package-lock.json", "rolldown.config.ts"]
  const newest = Math.max(...(await Promise.all(inputs.map((name) => changed(join(root, name))))))
  if ((await changed(bundle)) > newest) return
  say("building dist/cloudstack-ccm.mjs")
  await promisify(execFile)("npm", ["run", "-s", "build"], { cwd: root })
}

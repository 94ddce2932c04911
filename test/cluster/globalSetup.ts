/** Before the first cluster test: the control plane's programs and a bundle of the present sources. */
import { execFile } from "node:child_process"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import type { TestProject } from "vitest/node"
import { type Found, findBinaries } from "./binaries.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly controlPlane: Found
    readonly bundle: Bundle
  }
}

/** Path of the bundle, or why it could not be built: a reason for cluster tests to fail, not for all tests. */
export type Bundle = { readonly path: string } | { readonly broken: string }

const root = join(import.meta.dirname, "../..")
const path = join(root, "dist/cloudstack-ccm.mjs")
const say = (line: string) => console.error(`[cluster] ${line}`)

export default async function setup(project: TestProject) {
  const found = await findBinaries(say)
  if ("missing" in found) say(`SKIPPED, every cluster test: ${found.missing}`)
  project.provide("controlPlane", found)
  project.provide("bundle", "missing" in found ? { broken: "not built: no control plane" } : await buildIfStale())
}

const changed = async (file: string): Promise<number> => (await stat(file).catch(() => ({ mtimeMs: 0 }))).mtimeMs

/** Tests start what would be shipped, never a bundle of yesterday's sources. */
const buildIfStale = async (): Promise<Bundle> => {
  const sources = await readdir(join(root, "src"), { recursive: true })
  const inputs = [...sources.map((name) => join("src", name)), "package-lock.json", "rolldown.config.ts"]
  const newest = Math.max(...(await Promise.all(inputs.map((name) => changed(join(root, name))))))
  if ((await changed(path)) > newest) return { path }
  say("building dist/cloudstack-ccm.mjs")
  return promisify(execFile)("npm", ["run", "-s", "build"], { cwd: root }).then(
    () => ({ path }),
    (cause: unknown) => ({ broken: String(cause) })
  )
}

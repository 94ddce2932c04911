/** The real process, where it ends by itself. */
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"

const main = new URL("../../src/main.ts", import.meta.url).pathname
const run = (...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env: {} })
  return { status, stdout, stderr }
}

describe("the process", () => {
  it("prints its version", () => {
    const { status, stdout } = run("version")
    assert.strictEqual(status, 0)
    assert.match(stdout, /^cloudstack-ccm \d+\.\d+\.\d+\n$/)
  })

  it("refuses an old Node before it loads anything else", () => {
    // As if it were an old one, and nothing else could be loaded.
    const pretend = `
      import { registerHooks } from "node:module"
      Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })
      const known = (name) => /(main|oldNode)\\.ts$|package\\.json$/.test(name)
      registerHooks({ resolve: (name, context, next) => next(known(name) ? name : "./gone.ts", context) })`
    const module = `data:text/javascript,${encodeURIComponent(pretend)}`
    const old = spawnSync(process.execPath, ["--import", module, main, "version"], { encoding: "utf8", env: {} })
    assert.strictEqual(old.stderr, "cloudstack-ccm needs Node 22.19 or newer, this is v20.20.2\n")
    assert.strictEqual(old.stdout, "")
    assert.strictEqual(old.status, 1)
  })

  it("knows its commands", () => {
    assert.deepStrictEqual(run("simulat"), {
      status: 1,
      stdout: "",
      stderr:
        'unknown command "simulat": without one it is the controller; others are simulate, demo, audit, plan, version\n'
    })
  })

  it("ends with 1 and the bare message where a flag is wrong", () => {
    assert.deepStrictEqual(run("--cloud-provider=aws"), {
      status: 1,
      stdout: "",
      stderr: `unknown cloud provider "aws": --cloud-provider is external-cloudstack or cloudstack
See cloudstack-ccm --help.
`
    })
  })
})

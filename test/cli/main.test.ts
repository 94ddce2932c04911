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

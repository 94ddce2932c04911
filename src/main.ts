#!/usr/bin/env node
/** The process. An old Node ends here, with one line: what is loaded after it would end with a stack. */
import { refusal } from "./cli/oldNode.ts"

const problem = refusal(process.versions.node)

// No top-level await: in the bundle a chunk that imports from this file would wait for it for ever.
if (problem === undefined) void import("./cli/run.ts").then(({ run }) => run(process.argv.slice(2)))
else {
  process.stderr.write(`${problem}\n`)
  process.exitCode = 1
}

/** `npm run chaos -- <what> [options]`: a long run of one of the chaos tests; exit code 1 if anything was wrong. */
import * as nodeCrashes from "./nodeCrashes.ts"
import * as nodes from "./nodes.ts"
import * as service from "./service.ts"

const runs: Readonly<Record<string, (args: ReadonlyArray<string>) => boolean | Promise<boolean>>> = {
  nodes: nodes.main,
  "node-crashes": nodeCrashes.main,
  service: service.main
}

const [what = "", ...args] = process.argv.slice(2)
const run = runs[what]
if (run === undefined) {
  console.error(`usage: npm run chaos -- ${Object.keys(runs).join("|")} [--seed N] [--periods N | --runs N]`)
  process.exitCode = 2
} else {
  process.exitCode = (await run(args)) ? 0 : 1
}

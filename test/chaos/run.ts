/** `npm run chaos -- <what> [options]`: a long run of one of the chaos tests; exit code 1 if anything was wrong. */
import * as nodes from "./nodes.ts"

const runs: Readonly<Record<string, (args: ReadonlyArray<string>) => Promise<boolean>>> = { nodes: nodes.main }

const [what = "", ...args] = process.argv.slice(2)
const run = runs[what]
if (run === undefined) {
  console.error(`usage: npm run chaos -- ${Object.keys(runs).join("|")} [--seed N] [--periods N]`)
  process.exitCode = 2
} else {
  process.exitCode = (await run(args)) ? 0 : 1
}

/** Runs every benchmark in this folder and writes RESULTS.md; exit code 1 if a budget is exceeded. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { cpus, totalmem } from "node:os"
import { Effect, Logger } from "effect"
import type { Bench, Result } from "./Bench.ts"

const isExceeded = ({ budget, measured }: Result) => budget !== undefined && !(measured <= budget)

const row = (result: Result) => {
  const { budget, measured, unit, what } = result
  const limit = budget === undefined ? "" : `≤ ${budget} ${unit}`
  const kept = budget === undefined ? "" : isExceeded(result) ? "**no**" : "yes"
  return `| ${what} | ${measured.toFixed(1)} ${unit} | ${limit} | ${kept} |`
}

const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, \
Node ${process.version} on ${process.platform}/${process.arch}`

const sections: Array<string> = []
let exceeded = 0
for (const file of readdirSync(import.meta.dirname).sort()) {
  if (!file.endsWith(".ts") || file === "run.ts" || file === "Bench.ts") continue
  const { bench }: { readonly bench: Bench } = await import(`./${file}`)
  const results = await Effect.runPromise(
    bench.run.pipe(Effect.timeout("4 minutes"), Effect.orDie, Effect.provide(Logger.layer([])))
  )
  exceeded += results.filter(isExceeded).length
  const table = ["| What | Measured | Budget | Kept |", "| --- | --- | --- | --- |", ...results.map(row)].join("\n")
  sections.push(`## ${bench.title}\n\n${table}\n${bench.note === undefined ? "" : `\n${bench.note}\n`}`)
  process.stdout.write(`${bench.title}\n${results.map((result) => `  ${row(result)}\n`).join("")}`)
}

// Runs too long to repeat here leave their figures beside this file.
for (const file of readdirSync(import.meta.dirname).sort()) {
  if (!file.endsWith(".md") || file === "RESULTS.md") continue
  sections.push(readFileSync(new URL(file, import.meta.url), "utf8"))
}

writeFileSync(
  new URL("RESULTS.md", import.meta.url),
  `# Benchmarks

Written by \`npm run bench\`.

Machine: ${machine}.

${sections.join("\n")}`
)
process.exitCode = exceeded === 0 ? 0 : 1

/** The table of `docs/networks.md`, from lives that were lived. */
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import { kinds } from "./networkKinds.ts"
import { type LifeResult, lifeIn, type StepName, stepNames } from "./networkLife.ts"

const begin = "<!-- The table is written by `npm run docs` from the lives in test/support/networkLife.ts. -->"
const end = "<!-- End of the table. -->"

const held = { firewall: "firewall rules", acl: "the rules' own list" } as const

const cellOf = ({ kind, steps }: LifeResult, name: StepName): string => {
  const step = steps.get(name)
  if (step === undefined) return "–"
  if (step.faults.length > 0) return `no: ${step.faults.join("; ")}`
  if (kind.border === undefined || (name === "UDP" && kind.noForwards)) return "refused"
  return `yes, ${step.commands}`
}

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

const table = (lives: ReadonlyArray<LifeResult>): string =>
  [
    row(["network", ...stepNames, "sources are held by"]),
    row(["network", ...stepNames, "sources"].map(() => "---")),
    ...lives.map((life) => {
      const { border, name } = life.kind
      return row([name, ...stepNames.map((step) => cellOf(life, step)), border === undefined ? "–" : held[border]])
    })
  ].join("\n")

/** The page with its table replaced. */
export const networksPage = (page: string) =>
  Effect.gen(function* () {
    const lives = yield* Effect.forEach(kinds, lifeIn)
    const [before] = page.split(begin)
    const after = page.split(end)[1]
    if (before === undefined || after === undefined) return yield* Effect.die("docs/networks.md has lost its table")
    return `${before}${begin}\n\n${table(lives)}\n\n${end}${after}`
  }).pipe(Effect.provide([TestClock.layer(), Logger.layer([])]), Effect.scoped)

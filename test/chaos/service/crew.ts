/** A campaign shared among as many threads as there are processors. */
import { availableParallelism } from "node:os"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { add, type Case, double, nothing, play, singles, type Totals } from "./campaign.ts"

/** Every fault at every call, or two faults at once for so many seeds. */
export type Campaign =
  | { readonly _tag: "Singles"; readonly settings: ReadonlyArray<string> }
  | { readonly _tag: "Doubles"; readonly seed: number; readonly runs: number }

interface Share {
  readonly campaign: Campaign
  /** Every `of`-th case, from this one on. */
  readonly part: number
  readonly of: number
}

/** A few hundred runs of one thread. */
type Report = { readonly totals: Totals; readonly isLast: boolean }

const reportEvery = 200

function* casesOf(campaign: Campaign): Generator<Case> {
  if (campaign._tag === "Singles") return yield* singles(campaign.settings)
  for (let seed = campaign.seed; seed < campaign.seed + campaign.runs; seed++) yield double(seed)
}

const work = ({ campaign, of, part }: Share, report: (report: Report) => void): void => {
  let totals = nothing
  let index = 0
  for (const one of casesOf(campaign)) {
    if (index++ % of !== part) continue
    totals = play(totals, one)
    if (totals.runs < reportEvery) continue
    report({ totals, isLast: false })
    totals = nothing
  }
  report({ totals, isLast: true })
}

if (!isMainThread) work(workerData as Share, (report) => parentPort?.postMessage(report))

/** `onReport` hears of what was added each time. */
export const share = (campaign: Campaign, onReport: (added: Totals, sum: Totals) => void): Promise<Totals> => {
  const of = availableParallelism()
  let sum = nothing
  const threads = Array.from(
    { length: of },
    (_, part) =>
      new Promise<void>((resolve, reject) => {
        const share: Share = { campaign, part, of }
        const worker = new Worker(new URL(import.meta.url), { workerData: share })
        worker.on("error", reject)
        worker.on("message", ({ isLast, totals }: Report) => {
          sum = add(sum, totals)
          onReport(totals, sum)
          if (isLast) resolve()
        })
      })
  )
  return Promise.all(threads).then(() => sum)
}

/** Jobs that never end: the server cancels them after a while, or forgets them. */
import { Effect } from "effect"
import type { Answer, CloudStackApi, CloudStackError, Parameters } from "../../../src/cloudstack/Api.ts"
import type { CloudFault } from "./faults.ts"
import type { Time } from "./time.ts"

const stuckMillis = 20 * 60_000
const nobodysJob = "00000000-0000-4000-8000-000000000000"

export const makeStuckJobs = (time: Time, api: CloudStackApi["Service"]) => {
  const stuck = new Map<string, { readonly since: number; readonly name: CloudFault }>()
  const successors = new Map<string, string>()

  const isOver = (jobId: string): boolean => time.now() - (stuck.get(jobId)?.since ?? time.now()) >= stuckMillis

  return {
    add: ({ customjobid }: Parameters, name: CloudFault) => {
      if (customjobid !== undefined) stuck.set(customjobid, { since: time.now(), name })
    },

    /** What the server says of such a job once it has given up on it; undefined if it is about another. */
    givenUp: (command: string, parameters: Parameters): Effect.Effect<Answer, CloudStackError> | undefined => {
      const id = parameters["jobid"] ?? ""
      if (command === "listAsyncJobs" && stuck.size > 0) {
        return Effect.map(api.call(command, parameters), (answer) => {
          const { asyncjobs } = answer
          if (!Array.isArray(asyncjobs)) return answer
          return { ...answer, asyncjobs: asyncjobs.filter((job: { readonly jobid: string }) => !isOver(job.jobid)) }
        })
      }
      if (command !== "queryAsyncJobResult" || !isOver(id)) return undefined
      if (stuck.get(id)?.name === "job stuck, then cancelled") {
        return Effect.map(api.call(command, parameters), (job) => ({ ...job, jobstatus: 2, jobresultcode: 0 }))
      }
      return api.call(command, { jobid: successors.get(id) ?? nobodysJob })
    },

    /** A forgotten job's id can be used again; the simulated server itself would still know it. */
    reused: (parameters: Parameters): Parameters => {
      const { customjobid: id } = parameters
      if (id === undefined || !isOver(id) || stuck.get(id)?.name !== "job stuck, then forgotten") return parameters
      const successor = `${id.slice(0, -4)}ffff`
      successors.set(id, successor)
      return { ...parameters, customjobid: successor }
    }
  }
}

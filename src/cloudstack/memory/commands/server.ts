/** What the server says about itself: capabilities, permitted commands, call limits, jobs. */
import { Result } from "effect"
import { isAdmin, mayCall, owns, scope } from "../access.ts"
import { asyncCommands } from "../apiTable.ts"
import { answered, type Content, type Handler } from "../command.ts"
import { declarationsOf } from "../declarations.ts"
import { apiError, deny, refuse } from "../errors.ts"
import { jobView } from "../jobs.ts"
import { keywordMatcher, paged, unpaged } from "../lists.ts"
import { commandNames } from "../roles.ts"
import { jobOf, uuidOf } from "../state.ts"

export const serverVersion = "4.22.0.0-SNAPSHOT"

const listCapabilities: Handler = ({ state }) =>
  Result.succeed(
    answered(state, {
      capability: {
        securitygroupsenabled: false,
        dynamicrolesenabled: true,
        cloudstackversion: serverVersion,
        userpublictemplateenabled: true,
        supportELB: "false",
        projectinviterequired: false,
        allowusercreateprojects: true,
        regionsecondaryenabled: false,
        kvmsnapshotenabled: false,
        allowuserviewdestroyedvm: false,
        allowuserexpungerecovervm: false,
        allowuserviewalldomainaccounts: false,
        kubernetesserviceenabled: false,
        defaultuipagesize: 20,
        ...(state.throttling === undefined
          ? {}
          : { apilimitinterval: state.throttling.interval, apilimitmax: state.throttling.max })
      }
    })
  )

const apiView = (name: string): Content => ({
  name,
  description: name,
  isasync: Object.hasOwn(asyncCommands, name),
  params: declarationsOf(name).map(({ length, name: parameter, required }) => ({ name: parameter, required, length })),
  response: []
})

const listApis: Handler = ({ args, caller, state }) => {
  const name = args.text("name")
  const found = commandNames.filter((command) => mayCall(caller, command) && (name === undefined || name === command))
  return found.length === 0
    ? apiError(530, "Api Discovery plugin was unable to find an api by that name or process any apis")
    : Result.succeed(answered(state, unpaged("api", found, apiView)))
}

/** The call itself is counted, and `apiAllowed` is what is left. */
const getApiLimit: Handler = ({ caller, now, state }) => {
  const { throttling } = state
  if (throttling === undefined) {
    return apiError(432, "This api is only available when api.throttling.enabled = true.")
  }
  const window = state.windows.get(caller.id)
  const issued = window?.calls ?? 0
  return Result.succeed(
    answered(
      { ...state, counter: state.counter + 1 },
      {
        apilimit: {
          account: caller.name,
          accountid: uuidOf(state.seed, state.counter + 1),
          apiIssued: issued,
          apiAllowed: Math.max(0, throttling.max - issued),
          expireAfter: Math.max(0, (window?.since ?? now) + throttling.interval * 1000 - now)
        }
      }
    )
  )
}

const listManagementServers: Handler = ({ args, state }) =>
  Result.map(
    paged(
      state,
      args,
      "managementserver",
      [{ id: state.managementServer.id, name: "localhost", state: "Up", version: serverVersion }],
      (server) => server
    ),
    (content) => answered(state, content)
  )

const queryAsyncJobResult: Handler = ({ args, caller, state }) => {
  const id = args.text("jobid") ?? ""
  const job = jobOf(state, id)
  if (job === undefined) return refuse(`Unable to find a job by id ${id}`)
  if (!owns(state, caller, job.account)) {
    const shown = `Account [{"accountName":"${caller.name}","id":${caller.n},"uuid":"${caller.id}"}]`
    return isAdmin(caller) ? deny() : deny(`Account ${shown} is not authorized to see job id=${job.n}`)
  }
  return Result.succeed(answered(state, jobView(state, job)))
}

/** Only pending jobs: a finished one leaves the list at once. */
const listAsyncJobs: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const visible = yield* scope(state, caller, args, false)
    const matches = keywordMatcher(args.text("keyword"))
    const since = Date.parse(args.text("startdate") ?? "")
    const found = [...state.pending.values()].filter(
      (job) =>
        visible(job.account) &&
        matches(String(jobView(state, job)["cmd"])) &&
        (Number.isNaN(since) || job.created >= since)
    )
    return answered(state, yield* paged(state, args, "asyncjobs", found, (job) => jobView(state, job)))
  })

export const serverCommands: Readonly<Record<string, Handler>> = {
  listCapabilities,
  listApis,
  getApiLimit,
  listManagementServers,
  listManagementServersMetrics: listManagementServers,
  queryAsyncJobResult,
  listAsyncJobs
}

/** Runs one command of a known caller on the state: decode, handler, job, and the answer in its envelope. */
import { Result } from "effect"
import type { Parameters } from "../Api.ts"
import { parameterOf } from "./auth.ts"
import type { Content, Handler, JobPlan, Outcome } from "./command.ts"
import { accountCommands } from "./commands/accounts.ts"
import { aclListCommands } from "./commands/aclLists.ts"
import { aclMoveCommands } from "./commands/aclMoves.ts"
import { aclCommands } from "./commands/acls.ts"
import { addressCommands } from "./commands/addresses.ts"
import { firewallCommands } from "./commands/firewall.ts"
import { forwardingCommands } from "./commands/forwarding.ts"
import { inventoryCommands } from "./commands/inventory.ts"
import { loadBalancerCreationCommands } from "./commands/loadBalancerCreation.ts"
import { loadBalancerCommands } from "./commands/loadBalancers.ts"
import { machineCommands } from "./commands/machines.ts"
import { memberCommands } from "./commands/members.ts"
import { networkCommands } from "./commands/networks.ts"
import { nicCommands } from "./commands/nics.ts"
import { serverCommands } from "./commands/server.ts"
import { staticNatCommands } from "./commands/staticNat.ts"
import { stickinessCommands } from "./commands/stickiness.ts"
import { tagCommands } from "./commands/tags.ts"
import { envelopeOf } from "./envelopes.ts"
import { type ApiError, broken, textFor } from "./errors.ts"
import { addJob, checkCustomId, forgetExpired } from "./jobs.ts"
import { decode, normalise } from "./parameters.ts"
import type { Account, Job } from "./records.ts"
import type { WireAnswer } from "./Simulator.ts"
import type { State } from "./state.ts"

const handlers: Readonly<Record<string, Handler>> = {
  ...accountCommands,
  ...aclCommands,
  ...aclListCommands,
  ...aclMoveCommands,
  ...addressCommands,
  ...firewallCommands,
  ...forwardingCommands,
  ...inventoryCommands,
  ...loadBalancerCommands,
  ...loadBalancerCreationCommands,
  ...machineCommands,
  ...memberCommands,
  ...networkCommands,
  ...nicCommands,
  ...serverCommands,
  ...staticNatCommands,
  ...stickinessCommands,
  ...tagCommands
}

const contentType = "application/json;charset=utf-8"

export const succeeded = (command: string, content: Content): WireAnswer => ({
  status: 200,
  headers: { "Content-Type": contentType },
  body: { [envelopeOf(command)]: content }
})

/** A 432, and everything about an unknown command, comes under `errorresponse`. */
export const refused = (command: string | undefined, error: ApiError, root: boolean): WireAnswer => {
  const text = textFor(error, root)
  const envelope =
    command === undefined ? "null" : error.code === 432 || command === "" ? "errorresponse" : envelopeOf(command)
  return {
    status: error.code,
    headers: { "Content-Type": contentType, ...(text === undefined ? {} : { "X-Description": text }) },
    body: {
      [envelope]: {
        uuidList: [],
        errorcode: error.code,
        ...(error.cause === undefined ? {} : { cserrorcode: error.cause }),
        ...(text === undefined ? {} : { errortext: text })
      }
    }
  }
}

export interface Dispatched {
  readonly state: State
  readonly answer: WireAnswer
  /** The job that now has to be run. */
  readonly job?: { readonly row: Job; readonly plan: JobPlan }
}

const prepare = (
  state: State,
  caller: Account,
  command: string,
  raw: Parameters,
  now: number
): Result.Result<{ readonly outcome: Outcome; readonly customId: string | undefined }, ApiError> =>
  Result.gen(function* () {
    const sent = yield* normalise(raw)
    const args = yield* decode(state, command, sent)
    const handler = handlers[command]
    if (handler === undefined) {
      if (/^list/.test(command)) {
        const nothing: Outcome = { _tag: "Answered", state, content: {} }
        return { outcome: nothing, customId: undefined }
      }
      return yield* broken(`${command} is not part of this simulated CloudStack`)
    }
    const outcome = yield* handler({ state, caller, command, args, now })
    return { outcome, customId: sent.get("customjobid") }
  })

export const dispatch = (before: State, caller: Account, command: string, raw: Parameters, now: number): Dispatched => {
  const state = forgetExpired(before, parameterOf(raw, "jobid") ?? parameterOf(raw, "customjobid"), now)
  const root = caller.role === "Admin"
  const prepared = prepare(state, caller, command, raw, now)
  if (Result.isFailure(prepared)) return { state, answer: refused(command, prepared.failure, root) }
  const { customId, outcome } = prepared.success
  if (outcome._tag === "Answered") return { state: outcome.state, answer: succeeded(command, outcome.content) }
  // The id is looked at when the object is made already: it stays behind, and no job will finish it.
  const checked = checkCustomId(outcome.state, customId)
  if (Result.isFailure(checked)) return { state: outcome.state, answer: refused(command, checked.failure, root) }
  const [next, row] = addJob(outcome.state, caller, command, outcome.job, customId, now)
  const content = outcome.id === undefined ? { jobid: row.id } : { id: outcome.id, jobid: row.id }
  return { state: next, answer: succeeded(command, content), job: { row, plan: outcome.job } }
}

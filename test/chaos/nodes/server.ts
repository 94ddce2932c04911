/** A CloudStack that lists VMs page by page, as far as what is wrong with it at the moment lets it. */
import { Effect } from "effect"
import {
  type Answer,
  CloudStackApi,
  CloudStackError,
  NotFound,
  type Reason,
  Refused
} from "../../../src/cloudstack/Api.ts"
import type { Machine } from "../../../src/domain/Cloud.ts"

export interface Question {
  /** Of a direct look-up. */
  readonly id?: string
  /** From 1. */
  readonly page: number
}

/** What stands between the truth and its reader. */
export interface Disturbance {
  /** The VMs that the answer is made from, all that are visible if nothing is wrong. */
  readonly shows: (question: Question, truth: ReadonlyArray<Machine>) => ReadonlyArray<Machine>
  /** An error instead of an answer. */
  readonly fails?: (question: Question) => Reason | undefined
  /** What becomes of the answer on its way. */
  readonly mangles?: (answer: Answer, question: Question) => Answer
  /** Whatever was asked, all of the list is answered. */
  readonly ignoresId?: true
  /** How long the call takes, in milliseconds. */
  readonly takes?: () => number
}

export const calm: Disturbance = { shows: (_, truth) => truth }

/** Small, so that a list has several pages. */
export const largestPage = 4

const rows = new WeakMap<Machine, object>()
const rowOf = (machine: Machine): object => {
  const known = rows.get(machine)
  if (known !== undefined) return known
  const { id, instanceType, name, nics, owner, state, zone } = machine
  const row = {
    id,
    name,
    state,
    zonename: zone,
    serviceofferingname: instanceType,
    ...(owner.startsWith("project:") ? { projectid: owner.slice("project:".length) } : { account: owner }),
    nic: nics.map(({ ipv4, isDefault, networkId, networkName }) => ({
      networkid: networkId,
      networkname: networkName,
      isdefault: isDefault,
      ipaddress: ipv4
    }))
  }
  rows.set(machine, row)
  return row
}

export interface ServerOptions {
  /** All VMs that a user sees. */
  readonly truth: () => ReadonlyArray<Machine>
  readonly disturbance: () => Disturbance
  /** Something happens while the call is under way. */
  readonly meanwhile: (takes: number) => Effect.Effect<void>
}

export const makeServer = ({ disturbance, meanwhile, truth }: ServerOptions): CloudStackApi["Service"] => {
  const fail = (command: string, reason: Reason) => Effect.fail(new CloudStackError({ command, reason }))
  const answer = (command: string, parameters: Readonly<Record<string, string>>) =>
    Effect.suspend((): Effect.Effect<Answer, CloudStackError> => {
      const { fails, ignoresId, mangles = (same: Answer) => same, shows } = disturbance()
      const { id } = parameters
      const size = Number(parameters["pagesize"])
      const page = Number(parameters["page"])
      const question: Question = { page, ...(id === undefined ? {} : { id }) }
      const reason = fails?.(question)
      if (reason !== undefined) return fail(command, reason)
      if (size > largestPage) {
        const text = `Page size can't exceed max allowed page size value: ${largestPage}`
        return fail(command, new Refused({ code: 431, text }))
      }
      const all = shows(question, truth())
      const found = id === undefined || ignoresId ? all : all.filter((machine) => machine.id === id)
      if (id !== undefined && found.length === 0 && id.length % 2 === 0) {
        // Of a VM that was removed there is not even the id.
        return fail(command, new NotFound({ text: "Invalid parameter id value: entity does not exist" }))
      }
      const count = found.length
      const from = (page - 1) * size
      const shown = found.slice(from, from + size).map(rowOf)
      if (count === 0) return Effect.succeed(mangles({}, question))
      return Effect.succeed(mangles(shown.length === 0 ? { count } : { count, virtualmachine: shown }, question))
    })
  return CloudStackApi.of({
    call: (command, parameters) =>
      command === "listVirtualMachines"
        ? Effect.andThen(
            Effect.suspend(() => meanwhile(disturbance().takes?.() ?? 50)),
            answer(command, parameters)
          )
        : Effect.die(`nobody should ask for ${command}`)
  })
}

/** Who calls, and may they: the server's checks before a command runs, in the server's order. */
import { createHmac, timingSafeEqual } from "node:crypto"
import { Result } from "effect"
import type { Parameters } from "../Api.ts"
import { isMember, isRoot, mayCall } from "./access.ts"
import { type ApiError, apiError, fail } from "./errors.ts"
import type { Account } from "./records.ts"
import { isKnown } from "./roles.ts"
import { mint, type State } from "./state.ts"

/** A refused call; the command is the one whose envelope the answer uses, "" for an unknown one. */
export interface Refusal {
  readonly command: string | undefined
  readonly error: ApiError
  readonly account: Account | undefined
}

export interface Admitted {
  readonly command: string
  readonly caller: Account
}

const unverified: ApiError = {
  code: 401,
  cause: undefined,
  text: "unable to verify user credentials and/or request signature",
  masked: false
}

/** Java's URLEncoder with `%20` for the blank, over decoded values; names are taken as they are. */
export const signatureText = (parameters: Parameters): string =>
  Object.keys(parameters)
    .filter((name) => name.toLowerCase() !== "signature")
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => `${name}=${urlEncode(parameters[name] ?? "")}`)
    .join("&")
    .toLowerCase()

const urlEncode = (value: string): string =>
  [...Buffer.from(value, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[A-Za-z0-9\-._*]/.test(character) ? character : `%${byte.toString(16).padStart(2, "0")}`
    })
    .join("")

/** The texts are compared, so that Base64 of another kind is no signature. */
const isSigned = (parameters: Parameters, secret: string, signature: string): boolean => {
  const expected = Buffer.from(createHmac("sha1", secret).update(signatureText(parameters)).digest("base64"))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/**
 * The forms of `expires` that the server tries (`DateUtil.parseTZDateString`): ISO 8601 in any case, with or without
 * seconds; offsets without a colon only after whole seconds or six digits of them; and an offset behind a Z that does not
 * count.
 */
const expiryForms: ReadonlyArray<RegExp> = [
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d(?::\d\d)?)$/i,
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?)([+-]\d{4})$/,
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z([+-]\d{4})$/
]

const isCurrent = (expires: string, now: number): boolean => {
  for (const form of expiryForms) {
    const [, date, zone = ""] = form.exec(expires) ?? []
    if (date === undefined) continue
    const offset = zone.replace(/^(.\d\d):?(\d\d)?$/, (_, hours: string, minutes = "00") => `${hours}:${minutes}`)
    return Date.parse(`${date}${offset}`.toUpperCase()) >= now
  }
  return false
}

/** Parameter names count in any case. */
export const parameterOf = (parameters: Parameters, wanted: string): string | undefined => {
  for (const [name, value] of Object.entries(parameters)) if (name.toLowerCase() === wanted) return value
  return undefined
}

export const authenticate = (
  state: State,
  parameters: Parameters,
  now: number
): readonly [State, Result.Result<Admitted, Refusal>] => {
  const command = parameterOf(parameters, "command")
  const refuse = (shown: string | undefined, error = unverified, account?: Account) =>
    Result.fail({ command: shown, error, account })
  if (command === undefined) return [state, refuse(undefined)]
  if (!isKnown(command)) return [state, refuse("")]
  const key = parameterOf(parameters, "apikey")
  const signature = parameterOf(parameters, "signature")
  if (key === undefined || signature === undefined) return [state, refuse(command)]
  const versioned = parameterOf(parameters, "signatureversion") === "3"
  if (versioned && !isCurrent(parameterOf(parameters, "expires") ?? "", now)) return [state, refuse(command)]
  const caller = [...state.accounts.values()].find((account) => account.apiKey === key)
  if (caller === undefined) return [state, refuse(command)]
  const [counted, admitted] = admit(state, caller, command, parameters, now)
  if (Result.isFailure(admitted)) return [counted, admitted]
  return isSigned(parameters, caller.secretKey, signature)
    ? [counted, admitted]
    : [counted, refuse(command, unverified, caller)]
}

/** Role, project and call rate: what is checked for any caller before the signature. */
export const admit = (
  state: State,
  caller: Account,
  command: string,
  parameters: Parameters,
  now: number
): readonly [State, Result.Result<Admitted, Refusal>] => {
  if (!isKnown(command)) return [state, Result.fail({ command: "", error: unverified, account: caller })]
  const refuse = (error: Result.Result<never, ApiError>) =>
    Result.mapError(error, (error): Refusal => ({ command, error, account: caller }))
  if (!mayCall(caller, command)) {
    const [minted, { id }] = mint(state)
    const text = `The API [${command}] does not exist or is not available for the account for user id [${id}].`
    return [minted, refuse(apiError(432, text))]
  }
  const project = state.projects.get(parameterOf(parameters, "projectid") ?? "")
  if (
    project !== undefined &&
    (caller.role === "User" || caller.role === "ReadOnlyUser") &&
    !isMember(project, caller)
  ) {
    const text = `The API [${command}] does not exist or is not available for this account/user in project [${project.id}].`
    return [state, refuse(apiError(432, text))]
  }
  const [counted, wait] = countCall(state, caller, now)
  if (wait === undefined) return [counted, Result.succeed({ command, caller })]
  return [counted, refuse(throttled(wait))]
}

export const throttled = (wait: number): Result.Result<never, ApiError> =>
  fail({
    code: 429,
    cause: 9999,
    text: `The given user has reached his/her account api limit, please retry after [${wait}] ms.`,
    masked: false
  })

/** A fixed window per account, begun by its first call. Answers the wait if the call is one too many. */
const countCall = (state: State, caller: Account, now: number): readonly [State, number | undefined] => {
  const { throttling } = state
  if (throttling === undefined || isRoot(caller)) return [state, undefined]
  const millis = throttling.interval * 1000
  const last = state.windows.get(caller.id)
  const window = last === undefined || now - last.since >= millis ? { since: now, calls: 0 } : last
  const calls = Math.min(window.calls + 1, throttling.max)
  const windows = new Map(state.windows).set(caller.id, { since: window.since, calls })
  const over = window.calls >= throttling.max
  return [{ ...state, windows }, over ? window.since + millis - now : undefined]
}

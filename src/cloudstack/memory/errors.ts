/** The errors of commands as the server makes them: code, class of the cause, text, and whether users see that text. */
import { Result } from "effect"

export interface ApiError {
  /** HTTP status and `errorcode`. */
  readonly code: number
  /** `cserrorcode`; absent on plain 401 answers. */
  readonly cause: number | undefined
  readonly text: string | undefined
  /** Raised as such, not by the command: callers that are not root admin read a standard text instead. */
  readonly masked: boolean
}

export const maskedText = "Internal error executing command, please contact your system administrator"
export const deniedText = "Caller does not have permission to operate with provided resource."
const brokenText = "Command failed due to Internal Server Error"

export const fail = (error: ApiError): Result.Result<never, ApiError> => Result.fail(error)

/** Raised as an API error by the command itself. */
export const apiError = (code: number, text: string, cause = 9999) => fail({ code, cause, text, masked: false })

/** An invalid parameter found by the code behind the command. */
export const refuse = (text: string) => apiError(431, text, 4350)

/** The object belongs to somebody else, or is out of reach for another reason. */
export const deny = (text = deniedText) => apiError(531, text, 4365)

/** An internal error; its text is for root only. */
export const broken = (text = brokenText, cause = 4250) => fail({ code: 530, cause, text, masked: true })

/** Within jobs API errors and invalid parameters keep their code, and everything else is an internal error. */
export const jobCode = (error: ApiError): number =>
  error.cause === 9999 || error.code === 431 || error.code === 430 ? error.code : 530

/** An unboxed Integer that was never sent: outside jobs an error of no class of its own. */
export const nothingSent = (variable: string) =>
  broken(`Cannot invoke "java.lang.Integer.intValue()" because "${variable}" is null`, 9999)

export const textFor = (error: ApiError, root: boolean): string | undefined =>
  error.masked && !root ? maskedText : error.text

/** The in-memory CloudStack as its two doors (Layer and HTTP) and the tests see it. */
import { Context, type Effect } from "effect"
import type { Parameters } from "../Api.ts"
import type { Fault } from "./faults.ts"

/** A request after HTTP parsing: parameter names as sent, values decoded, duplicates resolved. */
export interface WireRequest {
  readonly method: "GET" | "POST"
  readonly parameters: Parameters
}

export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON value with its envelope; absent = an empty body. */
  readonly body?: unknown
  /** The answer is lost on its way: HTTP cuts the connection, whatever the command did. */
  readonly dropped?: true
  /** Of a dropped answer: the request did not even arrive, so nothing was done. */
  readonly unsent?: true
  /** Sent instead of JSON: what a proxy in front of the server writes. */
  readonly page?: string
}

/** One line of the request log. Never holds key or signature. */
export interface LogEntry {
  /** Milliseconds of the Clock. */
  readonly at: number
  readonly account: string
  readonly command: string
  readonly parameters: Parameters
  readonly status: number
  readonly errorText?: string
}

export class Simulator extends Context.Service<
  Simulator,
  {
    /** As from outside: authentication, role, throttling, command. */
    readonly handle: (request: WireRequest) => Effect.Effect<WireAnswer>
    /** The same for a caller known by the `ref` of its account; everything but the signature is checked. */
    readonly callAs: (account: string, command: string, parameters: Parameters) => Effect.Effect<WireAnswer>
    /** The whole state as JSON (what `GET /world` shows), with a counter of router pushes per network. */
    readonly world: Effect.Effect<unknown>
    readonly log: Effect.Effect<ReadonlyArray<LogEntry>>
    /** Adds faults to those that are still waiting for their call. */
    readonly inject: (faults: ReadonlyArray<Fault>) => Effect.Effect<void>
  }
>()("ccm/cloudstack/memory/Simulator") {}

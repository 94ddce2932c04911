/**
 * Ways to one server: one for what may always be sent, and one for each last check, whose connections write nothing that
 * the check does not let pass.
 *
 * The check is made by the connection, as the last thing before the bytes are given to the system: what is done between
 * them is all that a process can be frozen in and still send, when it wakes up, what it may not send any more.
 */
import type { Socket } from "node:net"
import { Cause, Context, Effect, Exit } from "effect"
import { type Agent, buildConnector, type Dispatcher, Pool } from "undici"
import { type Check, LastCheck, Withheld } from "./LastCheck.ts"

export interface Ways {
  /** The way for what is sent where this runs: that of the check which is in force there, if one is. */
  readonly current: Effect.Effect<Dispatcher>
  /** No more requests; connections end with what runs on them. */
  readonly close: Effect.Effect<void>
  /** Ends what runs on them, too. */
  readonly destroy: Effect.Effect<void>
}

/** Opens one way, with connections from there. */
type Open = (connections: Pick<Agent.Options, "factory">) => Dispatcher

export const makeWays = (open: Open): Ways => {
  const free = open({})
  const checked = new Map<Check, Dispatcher>()
  const all = () => [free, ...checked.values()]
  return {
    current: Effect.contextWith((context) =>
      Effect.sync(() => {
        const check = Context.get(context, LastCheck)
        if (check === undefined) return free
        const known = checked.get(check)
        if (known !== undefined) return known
        const ask = () => refusal(Effect.runSyncExitWith(context)(check))
        const way = open({ factory: asking(ask) }).compose(askingFirst(ask))
        checked.set(check, way)
        return way
      })
    ),
    close: Effect.promise(() => Promise.all(all().map((way) => way.close()))),
    destroy: Effect.promise(() => Promise.all(all().map((way) => way.destroy())))
  }
}

/** Why nothing may be written now; undefined if it may. */
type Ask = () => Withheld | undefined

const refusal = (exit: Exit.Exit<void, Error>) => {
  if (Exit.isSuccess(exit)) return
  const cause = Cause.squash(exit.cause)
  return new Withheld(cause instanceof Error ? cause.message : "the last check did not end at once")
}

/** As soon as a connection is there: all that SOCKS leaves us, which opens its connections itself. */
const askingFirst =
  (ask: Ask): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) => {
    const start = handler.onRequestStart?.bind(handler)
    // What is thrown here ends the request, and its connection stays for others.
    handler.onRequestStart = (controller, connection) => {
      const refused = ask()
      if (refused !== undefined) throw refused
      start?.(controller, connection)
    }
    return dispatch(options, handler)
  }

/** By the factory, because an agent for a proxy takes no other way to connect than its own. */
const asking =
  (ask: Ask) =>
  (origin: string | URL, { connect = {}, ...options }: Pool.Options): Dispatcher => {
    const connector = typeof connect === "function" ? connect : buildConnector({ allowH2: false, ...connect })
    return new Pool(origin, {
      ...options,
      connect: (to, done) =>
        connector(to, (...[error, socket]) => (error === null ? done(null, guarded(socket, ask)) : done(error, null)))
    })
  }

/** Its first write is the whole request, unless that is greater than what a connection buffers. */
const guarded = (socket: Socket, ask: Ask): Socket => {
  const write = socket._write.bind(socket)
  const writeAll = socket._writev?.bind(socket)
  const ifLet = (done: (error: Error) => void, act: () => void) => {
    const refused = ask()
    if (refused === undefined) act()
    else done(refused)
  }
  socket._write = (chunk, encoding, done) => ifLet(done, () => write(chunk, encoding, done))
  if (writeAll !== undefined) socket._writev = (chunks, done) => ifLet(done, () => writeAll(chunks, done))
  return socket
}

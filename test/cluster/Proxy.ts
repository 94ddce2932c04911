/**
 * An HTTP proxy between one controller and CloudStack that breaks what it is told to break, and knows what went through.
 * Whoever has to act at an exact moment of an exchange is called there, before anything else happens.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import { text } from "node:stream/consumers"
import { Effect } from "effect"
import { isRead } from "./CloudStack.ts"

export type Fault =
  /** The connection breaks: before anything has happened, or when it has. */
  | { readonly _tag: "Cut"; readonly after: boolean }
  /** A page instead of an answer: as of a proxy that could not reach the server, or that waited for it in vain. */
  | { readonly _tag: "Page"; readonly status: 500 | 503; readonly after: boolean }
  | { readonly _tag: "Throttle"; readonly millis: number }
  | { readonly _tag: "Delay"; readonly millis: number; readonly after: boolean }

/** What happens to the next call of this command; nothing if undefined. */
export type Choice = (command: string) => Fault | undefined
export const honest: Choice = () => undefined

/** A connection is there, a request is there as a whole, CloudStack has answered, the answer has been passed on. */
export type Stage = "connected" | "arrived" | "done" | "answered"

export interface Passage {
  readonly stage: Stage
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Empty for a connection. */
  readonly command: string
  readonly mutation: boolean
}

export interface Proxy {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string
  readonly behave: (choice: Choice) => void
  /** All there was so far, oldest first. */
  readonly passages: ReadonlyArray<Passage>
  /** Done when `act` has been called: at the `count`-th passage from now that `matches`, in that very moment. */
  readonly strike: (
    strike: { readonly count: number; readonly matches: (passage: Passage) => boolean },
    act: () => void
  ) => Effect.Effect<void>
}

export type Strike = Parameters<Proxy["strike"]>[0]

/** From now on; the fiber ends when the signal has been sent. */
export const signalAt = (proxy: Proxy, strike: Strike, pid: number, signal: NodeJS.Signals) =>
  Effect.forkChild(
    proxy.strike(strike, () => process.kill(pid, signal)),
    { startImmediately: true }
  )

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const page = (status: number): Answer => ({
  status,
  headers: { "content-type": "text/html" },
  body: `<html><head><title>${status}</title></head><body>${status}</body></html>`
})

const throttled = (command: string, millis: number): Answer => ({
  status: 429,
  headers: { "content-type": "application/json;charset=utf-8" },
  body: JSON.stringify({
    [`${command.toLowerCase()}response`]: {
      uuidList: [],
      errorcode: 429,
      cserrorcode: 9999,
      errortext: `The given user has reached his/her account api limit, please retry after [${millis}] ms.`
    }
  })
})

const forwarded = (agent: Agent, url: URL, { headers, method }: IncomingMessage, body: string) =>
  new Promise<Answer | undefined>((resolve) => {
    const type = headers["content-type"]
    const asked = request(
      url,
      { agent, method, headers: type === undefined ? {} : { "content-type": type } },
      (answer) => {
        const fields = { "content-type": answer.headers["content-type"] ?? "" }
        text(answer).then(
          (body) => resolve({ status: answer.statusCode ?? 0, headers: fields, body }),
          () => resolve(undefined)
        )
      }
    )
    asked.on("error", () => resolve(undefined))
    asked.end(body)
  })

const pause = (millis: number) => new Promise<void>((resolve) => void setTimeout(resolve, millis))

/** In front of the simulator at `target`, honest until told otherwise, until the scope ends. */
export const makeProxy = Effect.fnUntraced(function* (target: string) {
  const passages: Array<Passage> = []
  const waiting = new Set<(passage: Passage) => void>()
  let choice: Choice = honest
  const agent = new Agent({ keepAlive: true })

  const pass = (stage: Stage, command: string) => {
    const passage: Passage = { stage, at: Date.now(), command, mutation: command !== "" && !isRead(command) }
    passages.push(passage)
    for (const hear of [...waiting]) hear(passage)
  }

  const respond = (response: ServerResponse, answer: Answer | undefined) => {
    if (answer === undefined) response.destroy()
    else response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  const serve = async (asked: IncomingMessage, response: ServerResponse) => {
    const body = await text(asked)
    const command = new URLSearchParams(body).get("command") ?? ""
    pass("arrived", command)
    const fault = choice(command)
    if (fault?._tag === "Throttle") return respond(response, throttled(command, fault.millis))
    if (fault?._tag === "Cut" && !fault.after) return response.destroy()
    if (fault?._tag === "Page" && !fault.after) return respond(response, page(fault.status))
    if (fault?._tag === "Delay" && !fault.after) await pause(fault.millis)
    // Whoever asked may be gone by now: what is on its way arrives all the same.
    const answer = await forwarded(agent, new URL(asked.url ?? "/", target), asked, body)
    pass("done", command)
    if (fault?._tag === "Cut") return response.destroy()
    if (fault?._tag === "Delay" && fault.after) await pause(fault.millis)
    respond(response, fault?._tag === "Page" ? page(fault.status) : answer)
    pass("answered", command)
  }

  const server = createServer((asked, response) => {
    // The end of a controller cuts what it sends, which is nobody's fault.
    serve(asked, response).catch(() => response.destroy())
  })
  server.on("connection", () => pass("connected", ""))
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
        agent.destroy()
      })
  )
  return {
    origin: `http://127.0.0.1:${port}`,
    behave: (next) => {
      choice = next
    },
    passages,
    strike: ({ count, matches }, act) =>
      Effect.callback((resume) => {
        let left = count
        const hear = (passage: Passage) => {
          if (!matches(passage)) return
          left -= 1
          if (left > 0) return
          waiting.delete(hear)
          act()
          resume(Effect.void)
        }
        waiting.add(hear)
        return Effect.sync(() => waiting.delete(hear))
      })
  } satisfies Proxy
})

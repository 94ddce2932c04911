/** How both live sides open their connections. */
import { Agent, ProxyAgent } from "undici"
import { makeWays, type Ways } from "./Ways.ts"

export interface AgentOptions {
  /** What TLS to the server needs. */
  readonly connect: NonNullable<ProxyAgent.Options["requestTls"]>
  /** URL; undefined = the server is reached directly. */
  readonly proxy: string | undefined
  readonly timeouts: Pick<Agent.Options, "keepAliveTimeout" | "headersTimeout" | "bodyTimeout">
}

/** HTTP/1.1 to server and proxy, whatever they offer: over HTTP/2 one dead connection would take all that runs on it. */
export const openWays = ({ connect, proxy, timeouts }: AgentOptions): Ways =>
  makeWays((connections) => {
    const options = { ...timeouts, ...connections, allowH2: false }
    return proxy === undefined
      ? new Agent({ ...options, connect })
      : new ProxyAgent({ ...options, uri: proxy, requestTls: connect, proxyTls: { allowH2: false } })
  })

/** What a virtual router refuses to balance. Before it exists nothing can refuse a rule. */
import type { Network } from "./records.ts"

const protocols = ["tcp", "udp", "tcp-proxy", "ssl"]
/** HAProxy's own page of statistics. */
const statisticsPort = 8081

export const routerRefusal = (
  network: Network,
  protocol: string | undefined,
  publicPort: number
): "unsupported" | "unknown" | undefined => {
  if (network.state !== "Implemented" || network.lbProvider !== undefined) return undefined
  if (publicPort === statisticsPort || protocol === "udp") return "unsupported"
  return protocol === undefined || protocols.includes(protocol) ? undefined : "unknown"
}

export const unknownProtocol = (protocol: string) =>
  `protocol ${protocol} is not in valid protocols [${protocols.join(", ")}]`

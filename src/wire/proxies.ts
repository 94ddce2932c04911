/**
 * Proxies as people write them: in a kubeconfig, and in the environment as the Go programs beside us read it. No refusal
 * repeats what was written: it may hold a password.
 */
import { BlockList, isIP, isIPv6 } from "node:net"
import { Result } from "effect"

export const expectedProxy = "expected an http, https or socks5 URL, such as http://10.0.0.1:3128"

const schemes: ReadonlySet<string> = new Set(["http:", "https:", "socks5:"])

/** Undefined if there is no way through it. */
export const proxyUrl = (text: string): string | undefined => {
  const url = URL.parse(text)
  if (url === null || !schemes.has(url.protocol) || url.hostname === "") return undefined
  // The client decodes both, and throws where it cannot.
  const decodes = [url.username, url.password].every((part) => Result.isSuccess(decoded(part)))
  return decodes ? url.href : undefined
}

const decoded = (part: string) => Result.try(() => decodeURIComponent(part))

export type Environment = Readonly<Record<string, string | undefined>>

/** No proxy is asked for what is on this machine, as Go does it. */
const thisMachine = ["localhost", "127.0.0.0/8", "::1"]

/** The proxy to this server, a URL; undefined if it is reached directly. */
export const environmentProxy = (server: string, env: Environment): Result.Result<string | undefined, string> => {
  const { hostname, port, protocol } = new URL(server)
  const secure = protocol === "https:"
  const name = ofEither(env, secure ? "https_proxy" : "http_proxy")
  const text = name === undefined ? undefined : env[name]
  if (name === undefined || text === undefined) return Result.succeed(undefined)
  const host = hostname.replace(/^\[(.+)\]$/, "$1").replace(/\.$/, "")
  const exempt = env[ofEither(env, "no_proxy") ?? ""] ?? ""
  const at = { host, port: port === "" ? (secure ? "443" : "80") : port }
  const direct = [...thisMachine, ...exempt.toLowerCase().split(/[,\s]+/)]
  if (direct.some((entry) => covers(entry, at))) return Result.succeed(undefined)
  // `host:port` alone means HTTP. With a scheme in front of it, it is no proxy's scheme.
  const proxy = proxyUrl(text) ?? (text.includes("://") ? undefined : proxyUrl(`http://${text}`))
  return proxy === undefined ? Result.fail(`${name}: ${expectedProxy}`) : Result.succeed(proxy)
}

/** Programs take either spelling. */
const ofEither = (env: Environment, lower: string) =>
  [lower, lower.toUpperCase()].find((name) => (env[name] ?? "") !== "")

interface Place {
  readonly host: string
  readonly port: string
}

/** An entry of `no_proxy`: `*`, a network, an address or a domain, the last three of these perhaps for one port only. */
const covers = (entry: string, { host, port }: Place): boolean => {
  if (entry.includes("/")) return isWithin(host, entry)
  const [, before = entry, only = port] = isIPv6(entry) ? [] : (/^(.*):(\d+)$/.exec(entry) ?? [])
  if (only !== port) return false
  const name = before.replace(/^\[(.+)\]$/, "$1")
  if (name === "*") return true
  if (isIP(name) !== 0) return isWithin(host, `${name}/${isIPv6(name) ? 128 : 32}`)
  const domain = name.replace(/^\*?\./, "").replace(/\.$/, "")
  return (host === domain && !name.startsWith("*")) || host.endsWith(`.${domain}`)
}

/** Kubernetes' addresses are exempted by network: no list of names covers Services. */
const isWithin = (host: string, network: string): boolean => {
  const [address = "", length = ""] = network.split("/")
  const version = isIP(address)
  const bits = /^\d+$/.test(length) ? Number(length) : Number.POSITIVE_INFINITY
  if (version === 0 || version !== isIP(host) || bits > (version === 4 ? 32 : 128)) return false
  const family = version === 4 ? "ipv4" : "ipv6"
  const list = new BlockList()
  list.addSubnet(address, bits, family)
  return list.check(host, family)
}

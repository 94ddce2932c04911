/** Proxies as people write them. No refusal repeats what was written: it may hold a password. */
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

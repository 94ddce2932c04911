/** The address of an API server as people write it, completed as client-go does (`rest.DefaultServerURL`). */

export const expectedServer = "expected a URL or host:port, such as https://10.0.0.1:6443"

/** A bare `host:port` is TLS where there is anything to do TLS with (`tls`). Undefined if it is no address. */
export const serverUrl = (text: string, tls: boolean): string | undefined => {
  const complete = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  const url = URL.parse(complete ? text : `${tls ? "https" : "http"}://${text}`)
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined
  if (!complete && url.pathname !== "/") return undefined
  return url.href.replace(/\/$/, "")
}

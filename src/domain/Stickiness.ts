/** How clients stay with their node: what is asked for by annotation, and what the network's provider can do. Pure. */
import { Option, Schema } from "effect"

export interface Stickiness {
  /** `LbCookie`, `AppCookie`, `SourceBased`, or what else the provider calls its methods. */
  readonly method: string
  readonly params: Readonly<Record<string, string>>
}

/** `LbCookie cookie-name=x mode=insert`: the method, then its parameters; undefined = not that. */
export const parseStickiness = (text: string): Stickiness | undefined => {
  const [method = "", ...rest] = text.split(/[\s,]+/).filter((part) => part !== "")
  if (!/^[A-Za-z][A-Za-z0-9]*$/.test(method)) return undefined
  const params: Record<string, string> = {}
  for (const part of rest) {
    const [name = "", value] = part.split(/=(.*)/s)
    if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined
    // A flag may be named alone.
    params[name] = value === undefined || value === "" ? "true" : value
  }
  return { method, params }
}

const Methods = Schema.Array(
  Schema.Struct({
    methodname: Schema.String,
    paramlist: Schema.optionalKey(
      Schema.Array(Schema.Struct({ paramname: Schema.String, required: Schema.optionalKey(Schema.Boolean) }))
    )
  })
)
const decodeMethods = Schema.decodeUnknownOption(Schema.fromJsonString(Methods))

const sameText = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/**
 * Why the provider cannot do it; undefined if it can. `supported` is the capability `SupportedStickinessMethods`: JSON in
 * a string. A provider that lists no parameters of a method leaves their check to the server.
 */
export const refuseStickiness = (wanted: Stickiness, supported: string | undefined): string | undefined => {
  const methods = Option.getOrElse(decodeMethods(supported ?? "[]"), () => [])
  const method = methods.find(({ methodname }) => sameText(methodname, wanted.method))
  if (method === undefined) {
    const names = methods.map(({ methodname }) => methodname).join(", ")
    return `the network's load balancer knows no stickiness method ${wanted.method}${names === "" ? "" : ` (it knows ${names})`}`
  }
  const { paramlist = [] } = method
  const names = paramlist.map(({ paramname }) => paramname)
  const unknown = Object.keys(wanted.params).filter((name) => names.length > 0 && !names.includes(name))
  if (unknown.length > 0) {
    return `${method.methodname} has no parameter ${unknown.join(", ")} (it has ${names.join(", ")})`
  }
  const missing = paramlist.filter(({ paramname, required }) => required === true && !(paramname in wanted.params))
  if (missing.length > 0) return `${method.methodname} needs ${missing.map(({ paramname }) => paramname).join(", ")}`
  return undefined
}

export const sameStickiness = (a: Stickiness, b: Stickiness): boolean => {
  const text = ({ params }: Stickiness) => JSON.stringify(Object.entries(params).sort(([x], [y]) => (x < y ? -1 : 1)))
  return sameText(a.method, b.method) && text(a) === text(b)
}

/** What an ACL item may look like. */
import { Result } from "effect"
import { type ApiError, apiError, nothingSent, refuse } from "./errors.ts"
import { isCidr, isPort } from "./net.ts"
import type { Arguments } from "./parameters.ts"
import type { AclItem, AclList } from "./records.ts"

export type AclItemFields = Omit<AclItem, "id" | "n" | "list" | "number" | "state">

const parseDirection = (text: string): AclItem["trafficType"] | undefined => {
  if (text.toLowerCase() === "ingress") return "Ingress"
  return text.toLowerCase() === "egress" ? "Egress" : undefined
}

const parseAction = (text: string): AclItem["action"] | undefined => {
  if (text.toLowerCase() === "allow") return "Allow"
  return text.toLowerCase() === "deny" ? "Deny" : undefined
}

/** As sent, but for 1, which is ICMP by its number. */
const protocolOf = (args: Arguments): string => {
  const sent = args.text("protocol")?.trim() ?? ""
  return /^\d+$/.test(sent) && Number(sent) === 1 ? "icmp" : sent
}

export const directionOf = (args: Arguments): Result.Result<AclItem["trafficType"], ApiError> => {
  const sent = args.text("traffictype")
  const direction = sent === undefined ? "Ingress" : parseDirection(sent)
  return direction === undefined ? refuse(`Invalid traffic type ${sent}`) : Result.succeed(direction)
}

export const actionOf = (args: Arguments): Result.Result<AclItem["action"], ApiError> => {
  const sent = args.text("action")
  const action = sent === undefined ? "Allow" : parseAction(sent)
  return action === undefined
    ? refuse(`Invalid action [${sent}]. Permitted actions are Allow and Deny`)
    : Result.succeed(action)
}

/** A new item: what is not sent has its default. */
export const newItem = (
  args: Arguments,
  trafficType: AclItem["trafficType"],
  action: AclItem["action"]
): AclItemFields => {
  const protocol = protocolOf(args)
  const icmp = protocol.toLowerCase() === "icmp" ? -1 : undefined
  const startPort = args.int("startport")
  return {
    protocol,
    startPort,
    endPort: args.int("endport") ?? startPort,
    cidrs: args.items("cidrlist")?.join(",") ?? "0.0.0.0/0,::/0",
    trafficType,
    action,
    reason: args.text("reason"),
    icmpType: args.int("icmptype") ?? icmp,
    icmpCode: args.int("icmpcode") ?? icmp
  }
}

const filled = (text: string | undefined) => (text?.trim() === "" ? undefined : text)

/** A changed item: what is not sent, or blank, stays as it is. Nothing follows from anything here. */
export const changedItem = (args: Arguments, item: AclItem): Result.Result<AclItemFields, ApiError> =>
  Result.gen(function* () {
    const cidrs = args.items("cidrlist") ?? []
    return {
      protocol: filled(args.text("protocol"))?.trim() ?? item.protocol,
      startPort: args.int("startport") ?? item.startPort,
      endPort: args.int("endport") ?? item.endPort,
      cidrs: cidrs.length === 0 ? item.cidrs : cidrs.join(","),
      trafficType: parseDirection(args.text("traffictype") ?? "") ?? item.trafficType,
      action: filled(args.text("action")) === undefined ? item.action : yield* actionOf(args),
      reason: filled(args.text("reason")) ?? item.reason,
      icmpType: args.int("icmptype") ?? item.icmpType,
      icmpCode: args.int("icmpcode") ?? item.icmpCode
    }
  })

export const checkNumber = (
  number: number,
  others: ReadonlyArray<AclItem>,
  list: AclList
): Result.Result<void, ApiError> => {
  if (number < 1) return refuse(`Invalid number [${number}]. Number cannot be < 1`)
  return others.some((item) => item.number === number)
    ? refuse(`ACL item with number ${number} already exists in ACL: ${list.id}`)
    : Result.succeed(undefined)
}

const checkPorts = ({ endPort, protocol, startPort }: AclItemFields): Result.Result<void, ApiError> => {
  if (startPort === undefined && endPort === undefined) return Result.succeed(undefined)
  if (startPort === undefined) return nothingSent("sourcePortStart")
  if (!isPort(startPort)) return refuse(`Start public port is an invalid value: ${startPort}`)
  if (endPort === undefined) return nothingSent("sourcePortEnd")
  if (!isPort(endPort)) return refuse(`End public port is an invalid value: ${endPort}`)
  if (startPort > endPort) {
    return refuse(`Start port can't be bigger than end port [startport=${startPort},endport=${endPort}]`)
  }
  return protocol.toLowerCase() === "all"
    ? refuse("start port and end port must be null if protocol = 'all'")
    : Result.succeed(undefined)
}

const protocols = "tcp,udp,icmp,all"

const checkProtocol = (item: AclItemFields): Result.Result<void, ApiError> => {
  const { endPort, icmpCode, icmpType, protocol, startPort } = item
  const numeric = /^\d+$/.test(protocol)
  if (numeric && Number(protocol) > 255) return refuse(`Invalid protocol number: ${Number(protocol)}`)
  // The server looks for the text anywhere in its list, so that a part of a name passes as well.
  if (!numeric && !protocols.includes(protocol.toLowerCase())) {
    return refuse(`Invalid protocol [${protocol}]. Expected one of: [${protocols}]`)
  }
  const icmp = protocol.toLowerCase() === "icmp"
  if (!icmp && (icmpType !== undefined || icmpCode !== undefined)) {
    return refuse("Can specify icmpCode and icmpType for ICMP protocol only")
  }
  return icmp && (startPort !== undefined || endPort !== undefined)
    ? refuse("Can't specify start/end port when protocol is ICMP")
    : checkIcmp(item)
}

/** -1 is any of them. Without a type the code is not looked at. */
const checkIcmp = ({ icmpCode, icmpType }: AclItemFields): Result.Result<void, ApiError> => {
  if (icmpType === undefined) return Result.succeed(undefined)
  if (icmpType < -1 || icmpType > 255) {
    return refuse(`Invalid icmp type [${icmpType}]. It should belong to [0-255] range`)
  }
  return icmpCode !== undefined && (icmpCode < -1 || icmpCode > 16)
    ? refuse(
        `Invalid icmp code [${icmpCode}]. It should belong to [0-16] range and can be defined when icmpType belongs to [0-40] range`
      )
    : Result.succeed(undefined)
}

/** Ports, sources and protocol, in the server's order. */
export const checkItem = (item: AclItemFields): Result.Result<void, ApiError> =>
  Result.gen(function* () {
    yield* checkPorts(item)
    const bad = item.cidrs.split(",").find((cidr) => cidr !== "" && !isCidr(cidr))
    if (bad !== undefined) return yield* apiError(431, `Source cidrs formatting error ${bad}`)
    return yield* checkProtocol(item)
  })

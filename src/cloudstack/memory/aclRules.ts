/** What an ACL item may look like, and which list a call is about. */
import { Result } from "effect"
import { owns } from "./access.ts"
import type { Call } from "./command.ts"
import { type ApiError, apiError, deny, refuse } from "./errors.ts"
import { isCidr, isPort } from "./net.ts"
import type { Arguments } from "./parameters.ts"
import type { AclItem, AclList } from "./records.ts"
import { mint, put, type State } from "./state.ts"

type Fields = Omit<AclItem, "id" | "n" | "list" | "number" | "state">

const parseDirection = (text: string): AclItem["trafficType"] | undefined => {
  if (text.toLowerCase() === "ingress") return "Ingress"
  return text.toLowerCase() === "egress" ? "Egress" : undefined
}

const parseAction = (text: string): AclItem["action"] | undefined => {
  if (text.toLowerCase() === "allow") return "Allow"
  return text.toLowerCase() === "deny" ? "Deny" : undefined
}

export const ownerOfList = (state: State, list: AclList): string | undefined => state.vpcs.get(list.vpc ?? "")?.owner

/** The networks that use a list, and so get a push when an item changes. */
export const tiersOf = (state: State, list: string) =>
  [...state.networks.values()].filter((network) => network.acl === list)

/** As sent, but for 1, which is ICMP by its number. */
const protocolOf = (args: Arguments): string | undefined => {
  const sent = args.text("protocol")?.trim()
  return sent === "1" ? "icmp" : sent
}

/** The sent fields over `base`, or over the defaults of a new item. */
export const itemFields = (args: Arguments, base: AclItem | undefined): Result.Result<Fields, ApiError> =>
  Result.gen(function* () {
    const cidrs = args.items("cidrlist")
    const direction = args.text("traffictype")
    const trafficType = direction === undefined ? (base?.trafficType ?? "Ingress") : parseDirection(direction)
    if (trafficType === undefined) return yield* refuse(`Invalid traffic type ${direction}`)
    const verdict = args.text("action")
    const action = verdict === undefined ? (base?.action ?? "Allow") : parseAction(verdict)
    if (action === undefined) return yield* refuse(`Invalid action [${verdict}]. Permitted actions are Allow and Deny`)
    const startPort = args.int("startport") ?? base?.startPort
    const sentEnd = args.int("endport") ?? (args.int("startport") === undefined ? base?.endPort : undefined)
    const protocol = protocolOf(args) ?? base?.protocol ?? "all"
    const icmp = protocol.toLowerCase() === "icmp" ? -1 : undefined
    return {
      protocol,
      startPort,
      endPort: sentEnd ?? startPort,
      cidrs: cidrs === undefined || cidrs.length === 0 ? (base?.cidrs ?? "0.0.0.0/0,::/0") : cidrs.join(","),
      trafficType,
      action,
      reason: args.text("reason") ?? base?.reason,
      icmpType: args.int("icmptype") ?? base?.icmpType ?? icmp,
      icmpCode: args.int("icmpcode") ?? base?.icmpCode ?? icmp
    }
  })

export const checkNumber = (
  number: number,
  others: ReadonlyArray<AclItem>,
  list: AclList
): Result.Result<void, ApiError> => {
  if (number < 1) return refuse(`Invalid number [${number}]. Number cannot be < 1`)
  return others.some((other) => other.number === number)
    ? refuse(`ACL item with number ${number} already exists in ACL: ${list.id}`)
    : Result.succeed(undefined)
}

const checkPorts = ({ endPort, protocol, startPort }: Fields): Result.Result<void, ApiError> => {
  if (startPort === undefined && endPort === undefined) return Result.succeed(undefined)
  if (startPort !== undefined && !isPort(startPort)) {
    return refuse(`Start public port is an invalid value: ${startPort}`)
  }
  if (endPort !== undefined && !isPort(endPort)) return refuse(`End public port is an invalid value: ${endPort}`)
  if (startPort !== undefined && endPort !== undefined && startPort > endPort) {
    return refuse(`Start port can't be bigger than end port [startport=${startPort},endport=${endPort}]`)
  }
  return protocol.toLowerCase() === "all"
    ? refuse("start port and end port must be null if protocol = 'all'")
    : Result.succeed(undefined)
}

const protocols = "tcp,udp,icmp,all"

const checkProtocol = ({ endPort, icmpCode, icmpType, protocol, startPort }: Fields): Result.Result<void, ApiError> => {
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
    : Result.succeed(undefined)
}

/** Ports, sources and protocol, in the server's order. */
export const checkItem = (item: Fields): Result.Result<void, ApiError> =>
  Result.gen(function* () {
    yield* checkPorts(item)
    const bad = item.cidrs.split(",").find((cidr) => !isCidr(cidr))
    if (bad !== undefined) return yield* apiError(431, `Source cidrs formatting error ${bad}`)
    return yield* checkProtocol(item)
  })

/** The list that `aclid` or `networkid` means; a tier without one gets a new one. */
export const withList = ({
  args,
  caller,
  state
}: Call): Result.Result<{ readonly state: State; readonly list: AclList }, ApiError> =>
  Result.gen(function* () {
    const given = state.aclLists.get(args.text("aclid") ?? "")
    if (given !== undefined) return { state, list: given }
    const network = state.networks.get(args.text("networkid") ?? "")
    if (network === undefined) {
      return yield* refuse("Cannot create Network ACL Item. ACL Id or network Id is required")
    }
    if (network.vpc === undefined) return yield* refuse(`Network: ${network.id} does not belong to VPC`)
    if (!owns(state, caller, network.owner)) return yield* deny()
    const used = state.aclLists.get(network.acl ?? "")
    if (used !== undefined) return { state, list: used }
    const [minted, row] = mint(state)
    const list: AclList = {
      ...row,
      name: `VPC_${state.vpcs.get(network.vpc)?.name}_Tier_${network.name}_ACL_${network.id}`,
      description: `ACL for ${network.name}`,
      vpc: network.vpc
    }
    return {
      list,
      state: {
        ...minted,
        aclLists: put(minted.aclLists, list),
        networks: put(minted.networks, { ...network, acl: list.id })
      }
    }
  })

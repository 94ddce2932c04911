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

/** The sent fields over `base`, or over the defaults of a new item. */
export const itemFields = (args: Arguments, base: AclItem | undefined): Result.Result<Fields, ApiError> =>
  Result.gen(function* () {
    const cidrs = args.items("cidrlist")
    const bad = cidrs?.find((cidr) => !isCidr(cidr))
    if (bad !== undefined) return yield* apiError(431, `Source cidrs formatting error ${bad}`)
    const direction = args.text("traffictype")
    const trafficType = direction === undefined ? (base?.trafficType ?? "Ingress") : parseDirection(direction)
    if (trafficType === undefined) return yield* refuse(`Invalid traffic type ${direction}`)
    const verdict = args.text("action")
    const action = verdict === undefined ? (base?.action ?? "Allow") : parseAction(verdict)
    if (action === undefined) return yield* refuse(`Invalid action [${verdict}]. Permitted actions are Allow and Deny`)
    const startPort = args.int("startport") ?? base?.startPort
    const sentEnd = args.int("endport") ?? (args.int("startport") === undefined ? base?.endPort : undefined)
    return {
      protocol: args.text("protocol") ?? base?.protocol ?? "all",
      startPort,
      endPort: sentEnd ?? startPort,
      cidrs: cidrs === undefined || cidrs.length === 0 ? (base?.cidrs ?? "0.0.0.0/0,::/0") : cidrs.join(","),
      trafficType,
      action,
      reason: args.text("reason") ?? base?.reason,
      icmpType: args.int("icmptype") ?? base?.icmpType,
      icmpCode: args.int("icmpcode") ?? base?.icmpCode
    }
  })

const named = ["tcp", "udp", "icmp", "all"]

const isProtocol = (protocol: string) =>
  named.includes(protocol) || (/^\d{1,3}$/.test(protocol) && Number(protocol) <= 255)

export const checkItem = (
  item: Fields & { readonly number: number },
  others: ReadonlyArray<AclItem>,
  list: AclList
): Result.Result<void, ApiError> => {
  const { endPort, number, startPort } = item
  if (number < 1) return refuse(`Invalid number [${number}]. Number cannot be < 1`)
  if (others.some((other) => other.number === number)) {
    return refuse(`ACL item with number ${number} already exists in ACL: ${list.id}`)
  }
  if (startPort !== undefined && !isPort(startPort)) {
    return refuse(`Start public port is an invalid value: ${startPort}`)
  }
  if (endPort !== undefined && !isPort(endPort)) return refuse(`End public port is an invalid value: ${endPort}`)
  if (startPort !== undefined && endPort !== undefined && startPort > endPort) {
    return refuse(`Start port can't be bigger than end port [startport=${startPort},endport=${endPort}]`)
  }
  const protocol = item.protocol.toLowerCase()
  if (!isProtocol(protocol)) {
    return refuse(`Invalid protocol [${item.protocol}]. Expected one of: [${named.join(",")}]`)
  }
  const ports = startPort !== undefined || endPort !== undefined
  if (protocol === "all" && ports) return refuse("start port and end port must be null if protocol = 'all'")
  if (protocol === "icmp" && ports) return refuse("Can't specify start/end port when protocol is ICMP")
  if (protocol !== "icmp" && (item.icmpType !== undefined || item.icmpCode !== undefined)) {
    return refuse("Can specify icmpCode and icmpType for ICMP protocol only")
  }
  return Result.succeed(undefined)
}

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

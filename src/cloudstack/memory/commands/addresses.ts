/** Public addresses: acquiring, releasing, listing. */
import { Result } from "effect"
import { isRoot, namedOwner, owns, requireOwner, scope } from "../access.ts"
import { checkLimit, takeFree } from "../addressPool.ts"
import { answered, type Call, type Handler, type JobDone, submitted, success } from "../command.ts"
import { type ApiError, apiError, broken, deny, refuse } from "../errors.ts"
import { onlyNetwork } from "../guestNetworks.ts"
import { keywordMatcher, optional, paged, same, tagFilter } from "../lists.ts"
import { hasSourceNat } from "../networkStart.ts"
import type { Address, Network } from "../records.ts"
import { addressView } from "../ruleViews.ts"
import { put, rulesOfAddress, type State } from "../state.ts"
import { releaseAddress } from "../teardown.ts"

/** Who will own the address: whoever is named with domain or as project, else the owner of the network or VPC. */
const ownerOf = ({ args, caller, state }: Call) =>
  Result.gen(function* () {
    // An account without its domain counts for nothing.
    const isNamed = args.text("projectid") !== undefined || args.text("domainid") !== undefined
    const named = isNamed ? yield* namedOwner(state, caller, args) : undefined
    const network = state.networks.get(args.text("networkid") ?? "")
    const vpc = state.vpcs.get(args.text("vpcid") ?? "")
    const owner = named ?? (network === undefined ? (vpc?.owner ?? caller.id) : network.owner)
    yield* requireOwner(state, caller, owner)
    return owner
  })

/** The VPC or network an address is wanted for, and who will own it. A VPC goes before a network, a network before a zone. */
const target = (call: Call) =>
  Result.gen(function* () {
    const { args, caller, state } = call
    const owner = yield* ownerOf(call)
    const vpc = state.vpcs.get(args.text("vpcid") ?? "")
    const named = state.networks.get(args.text("networkid") ?? "")
    const zone = args.text("zoneid") ?? vpc?.zone ?? named?.zone
    if (zone === undefined) {
      return yield* refuse(
        "Unable to figure out zone to assign IP to. Please specify either zoneId, or networkId, or vpcId in the call"
      )
    }
    const wanted = { owner: owner ?? caller.id, zone }
    if (vpc !== undefined) return { ...wanted, network: undefined, vpc }
    const accountName = args.text("account") ?? caller.name
    const network = named ?? (yield* onlyNetwork(state, wanted.owner, zone, accountName))
    return { ...wanted, network, vpc: undefined }
  })

const associateIpAddress: Handler = (call) =>
  Result.gen(function* () {
    const { network, owner, vpc, zone } = yield* target(call)
    if (network?.kind === "shared" && !network.services.some((service) => addressServices.has(service))) {
      return yield* refuse(
        "Associate IP address can only be called on the shared networks in the advanced zone with Firewall/Source Nat/Static Nat/Port Forwarding/Load balancing services enabled"
      )
    }
    // Portable addresses come from ranges of the region, of which there are none.
    if (call.args.flag("isportable") === true) {
      return yield* apiError(533, "Unable to find available portable IP addresses")
    }
    yield* checkLimit(call.state, owner)
    const [taken, free] = yield* takeFree(call.state, owner, zone, call.args.text("ipaddress"))
    const address: Address = { ...free, owner, state: "Allocating", allocated: call.now, vpc: vpc?.id ?? network?.vpc }
    const state = { ...taken, addresses: put(taken.addresses, address) }
    const run = (state: State): Result.Result<JobDone, ApiError> => {
      const row = state.addresses.get(address.id)
      if (row === undefined || row.state !== "Allocating") return broken("Failed to assign IP address")
      if (network === undefined) {
        const done = { ...state, addresses: put(state.addresses, { ...row, state: "Allocated" as const }) }
        return Result.succeed({ state: done, result: { ipaddress: addressView(done, { ...row, state: "Allocated" }) } })
      }
      const sourceNat =
        network.kind === "isolated" &&
        state.networks.get(network.id)?.state === "Allocated" &&
        !hasSourceNat(state, network.id)
      const given: Address = { ...row, state: "Allocated", network: network.id, sourceNat }
      const done = { ...state, addresses: put(state.addresses, given) }
      // The result is a snapshot from inside the job.
      return Result.succeed({
        state: done,
        result: { ipaddress: addressView(done, { ...given, state: "Allocating" }) }
      })
    }
    const refusal = network === undefined ? undefined : unsuitable(network)
    return submitted(
      state,
      {
        instanceType: "IpAddress",
        instance: { kind: "address", id: address.id },
        run: refusal === undefined ? run : () => apiError(431, refusal),
        // Of an address for a VPC nobody takes care: it stays in state Allocating.
        ...(network === undefined ? {} : { undo: (state: State) => releaseAddress(state, address.id) })
      },
      address.id
    )
  })

const addressServices: ReadonlySet<string> = new Set(["SourceNat", "StaticNat", "Lb", "PortForwarding", "Firewall"])

/** Networks for which the job fails and the address is released again. */
const unsuitable = (network: Network): string | undefined => {
  if (network.kind === "vpc-tier") {
    return "Can't assign ip to the network directly when network belongs to VPC.Specify vpcId to associate ip address to VPC"
  }
  return network.kind === "isolated" && !network.services.includes("SourceNat")
    ? "In zone of type Advanced ip address can be associated only to the network of guest type Isolated with the SourceNat enabled"
    : undefined
}

const disassociateIpAddress: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const ip = args.text("ipaddress")
    if (id !== undefined && ip !== undefined) {
      return yield* refuse("id parameter is mutually exclusive with ipaddress parameter")
    }
    if (id === undefined && ip === undefined) return yield* refuse("Please specify either IP address or IP address ID")
    const address = [...state.addresses.values()].find((row) => (id === undefined ? row.ip === ip : row.id === id))
    if (address === undefined) {
      return yield* refuse(
        id === undefined ? `Unable to find IP address by IP address=${ip}` : `Unable to find IP address by ID=${id}`
      )
    }
    yield* noted(address)
    return submitted(state, {
      instanceType: "IpAddress",
      instance: { kind: "address", id: address.id },
      begin: (state) => {
        const row = state.addresses.get(address.id)
        return row === undefined
          ? state
          : { ...state, addresses: put(state.addresses, { ...row, state: "Releasing" as const }) }
      },
      run: (state) => release(state, caller, address.id)
    })
  })

/** What nobody owns cannot be noted in the event of a job: the server trips over its own database. */
const noted = ({ owner }: Address): Result.Result<void, ApiError> =>
  owner === undefined
    ? broken("Unable to persist on DB, due to: Data truncation: Out of range value for column 'account_id' at row 1")
    : Result.succeed(undefined)

const release = (state: State, caller: Call["caller"], id: string): Result.Result<JobDone, ApiError> => {
  const address = state.addresses.get(id)
  if (address === undefined || address.owner === undefined) return refuse("Unable to find ip address by id")
  if (!owns(state, caller, address.owner)) return deny()
  const network = state.networks.get(address.network ?? "")
  if (network?.kind === "shared") {
    return broken("only ip addresses that belong to a virtual network may be disassociated.")
  }
  // The server asks only whether the address is tied to a tier: then even the source NAT address of a VPC goes.
  const needed =
    address.sourceNat && (address.vpc === undefined ? network?.state !== "Allocated" : address.network === undefined)
  if (needed) return broken("ip address is used for source nat purposes and can not be disassociated.")
  const pushes = address.network === undefined || network?.state !== "Implemented" ? [] : [address.network]
  return Result.succeed({ state: releaseAddress(state, id), result: success, pushes })
}

/** States by name, several joined by commas. */
const wantedStates = (text: string | undefined): Result.Result<ReadonlyArray<string>, ApiError> => {
  const names = (text ?? "").split(",").filter((name) => name.trim() !== "")
  const unknown = names.find((name) => !addressStates.some((state) => same(state, name.trim())))
  return unknown === undefined
    ? Result.succeed(names.map((name) => name.trim().toLowerCase()))
    : refuse(`Invalid state: ${unknown}`)
}
const addressStates = ["Free", "Reserved", "Allocating", "Allocated", "Releasing"]

const listPublicIpAddresses: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const states = yield* wantedStates(args.text("state"))
    const wantsFree = states.includes("free") || states.includes("reserved")
    if (args.flag("allocatedonly") === true && wantsFree) {
      return yield* refuse("Conflict: allocatedonly is true but state is Free")
    }
    const asked = args.flag("allocatedonly")
    const onlyAllocated = wantsFree ? false : states.includes("allocated") || (asked ?? true)
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const network = state.networks.get(args.text("associatednetworkid") ?? "")
    if (network !== undefined) yield* requireOwner(state, caller, network.owner)
    const vpc = state.vpcs.get(args.text("vpcid") ?? "")
    if (vpc !== undefined) yield* requireOwner(state, caller, vpc.owner)
    const ip = args.text("ipaddress")
    const matches = keywordMatcher(ip === undefined ? args.text("keyword") : undefined)
    const everybody = !onlyAllocated && isRoot(caller) && args.text("domainid") === undefined
    const pool = network?.owner ?? (yield* namedOwner(state, caller, args)) ?? caller.id
    // What is free is asked for by its owner alone: it has no network yet.
    const isShown = (address: Address) =>
      address.owner === undefined
        ? !onlyAllocated && address.pool === pool
        : (everybody || visible(address.owner)) &&
          (address.state === "Allocated" || !onlyAllocated || states.length > 0) &&
          optional(network?.id, address.network) &&
          optional(vpc?.id, address.vpc)
    const found = [...state.addresses.values()].filter(
      (address) =>
        isShown(address) &&
        args.flag("forvirtualnetwork") !== false &&
        optional(id, address.id) &&
        optional(ip, address.ip) &&
        optional(args.text("zoneid"), address.zone) &&
        optional(args.flag("issourcenat"), address.sourceNat) &&
        optional(args.flag("isstaticnat"), address.staticNat !== undefined) &&
        (args.flag("forloadbalancing") !== true || rulesOfAddress(state.rules, address.id).length > 0) &&
        (states.length === 0 || states.includes(address.state.toLowerCase())) &&
        (args.text("networkid") === undefined || args.text("networkid") === state.publicNetwork.id) &&
        matches(address.ip) &&
        tagged(address.id)
    )
    return answered(
      state,
      yield* paged(state, args, "publicipaddress", found, (address) => addressView(state, address))
    )
  })

const updateIpAddress: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const address = state.addresses.get(args.text("id") ?? "")
    if (address === undefined) return yield* refuse("Unable to find ip address by id")
    yield* noted(address)
    return submitted(state, {
      instanceType: "IpAddress",
      instance: { kind: "address", id: address.id },
      run: (state) =>
        owns(state, caller, address.owner)
          ? Result.succeed({ state, result: { ipaddress: addressView(state, address) } })
          : deny()
    })
  })

export const addressCommands: Readonly<Record<string, Handler>> = {
  associateIpAddress,
  disassociateIpAddress,
  listPublicIpAddresses,
  updateIpAddress
}

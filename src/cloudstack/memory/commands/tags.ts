/** Tags on resources: making, deleting, listing. Everything is all-or-nothing and reported by the job. */
import { Result } from "effect"
import { owns, scope } from "../access.ts"
import { answered, type Call, type Handler, submitted, success } from "../command.ts"
import { type ApiError, broken, deny, refuse } from "../errors.ts"
import { paged, same } from "../lists.ts"
import type { Arguments } from "../parameters.ts"
import type { Kind, Row, Tag } from "../records.ts"
import { rowByNumber, rowOf, type State } from "../state.ts"
import { tagView } from "../views.ts"

const types: Readonly<Record<string, Kind>> = {
  LoadBalancer: "rule",
  PublicIpAddress: "address",
  FirewallRule: "firewall",
  NetworkACL: "aclItem",
  PortForwardingRule: "forwarding",
  UserVm: "vm",
  Network: "network",
  Vpc: "vpc",
  Project: "project",
  Account: "account"
}
/** Types that may have tags but of which nothing exists here. */
const emptyTypes = [
  "VMInstance",
  "Template",
  "ISO",
  "Volume",
  "Snapshot",
  "Backup",
  "SecurityGroup",
  "SecurityGroupRule",
  "StaticRoute",
  "VMSnapshot",
  "RemoteAccessVpn",
  "User",
  "SnapshotPolicy",
  "VpcOffering"
]
/** Types the server knows but gives no tags. */
const untaggedTypes = [
  "DomainRouter",
  "Nic",
  "Zone",
  "ServiceOffering",
  "Storage",
  "PrivateGateway",
  "NetworkACLList",
  "VpnGateway",
  "CustomerGateway",
  "VpnConnection",
  "DiskOffering",
  "AutoScaleVmProfile",
  "AutoScaleVmGroup",
  "LBStickinessPolicy",
  "LBHealthCheckPolicy",
  "GuestOs",
  "NetworkOffering",
  "Domain"
]

const ownerOf = (state: State, kind: Kind, id: string): string | undefined => {
  switch (kind) {
    case "rule":
      return state.rules.get(id)?.owner
    case "address":
      return state.addresses.get(id)?.owner
    case "firewall":
      return state.firewall.get(id)?.owner
    case "forwarding":
      return state.forwarding.get(id)?.owner
    case "vm":
      return state.vms.get(id)?.owner
    case "network":
      return state.networks.get(id)?.owner
    case "vpc":
      return state.vpcs.get(id)?.owner
    case "project":
    case "account":
      return id
    case "aclItem":
      return state.vpcs.get(state.aclLists.get(state.aclItems.get(id)?.list ?? "")?.vpc ?? "")?.owner
    default:
      return undefined
  }
}

const typeOf = (args: Arguments): Result.Result<string, ApiError> => {
  const sent = args.text("resourcetype") ?? ""
  const type = [...Object.keys(types), ...emptyTypes, ...untaggedTypes].find((name) => same(name, sent))
  return type === undefined ? refuse(`Invalid resource type ${sent}`) : Result.succeed(type)
}

const isNumber = (sent: string): boolean => /^\d+$/.test(sent)

/**
 * The row of a resource, named by UUID or internal number, that is not removed: other than parameters, tags do not see an
 * expunged machine.
 */
const resourceOf = (state: State, kind: Kind | undefined, sent: string): Row | undefined => {
  if (kind === undefined) return undefined
  const row = isNumber(sent) ? rowByNumber(state, kind, Number(sent)) : rowOf(state, kind, sent)
  return row === undefined || state.vms.get(row.id)?.removed === true ? undefined : row
}

interface Held {
  readonly id: string
  readonly owner: string
}

/** A resource and who owns it, if it exists and the caller may touch it. */
const heldOf = (state: State, { caller }: Call, type: string, sent: string): Result.Result<Held, ApiError> => {
  if (untaggedTypes.includes(type)) return refuse(`The resource type ${type} doesn't support resource tags`)
  const kind = types[type]
  const row = resourceOf(state, kind, sent)
  if (kind === undefined || row === undefined) {
    return refuse(`Unable to find resource by ${isNumber(sent) ? "id" : "uuid"} ${sent} and type ${type}`)
  }
  const owner = ownerOf(state, kind, row.id)
  if (owner === undefined && kind === "address") {
    return broken(
      'Cannot invoke "com.cloud.user.Account.getAccountId()" because the return value of "com.cloud.user.dao.AccountDao.findById(Object)" is null'
    )
  }
  return owns(state, caller, owner) ? Result.succeed({ id: row.id, owner: owner ?? caller.id }) : deny()
}

const createTags: Handler = (call) =>
  Result.succeed(
    submitted(call.state, {
      run: (state) =>
        Result.gen(function* () {
          const type = yield* typeOf(call.args)
          const wanted = new Map<string, string>()
          for (const { key = "", value } of call.args.entries("tags") ?? []) {
            if (value === undefined) return yield* broken()
            wanted.set(key, value)
          }
          const tags = new Map(state.tags)
          let counter = state.counter
          for (const [key, value] of wanted) {
            for (const sent of call.args.items("resourceids") ?? []) {
              const { id, owner } = yield* heldOf(state, call, type, sent)
              if (value === "") return yield* refuse(`Value for the key ${key} is either null or empty`)
              const there = tags.get(id) ?? []
              if (there.some((tag) => same(tag.key, key))) {
                return yield* broken(`tag ${key} already on ${type} with id ${sent}`)
              }
              counter += 1
              tags.set(id, [...there, { n: counter, key, value, type, resource: id, owner }])
            }
          }
          return { state: { ...state, counter, tags }, result: success }
        })
    })
  )

/**
 * Without `tags` all go; with a key only that one; both are compared without case. Only the tags are looked at, not
 * their resources: what a deleted rule has left behind can be removed.
 */
const deleteTags: Handler = ({ args, caller, state }) =>
  Result.succeed(
    submitted(state, {
      run: (state) =>
        Result.gen(function* () {
          const type = yield* typeOf(args)
          const wanted = args.entries("tags")
          const goes = (tag: Tag) =>
            tag.type === type &&
            (wanted === undefined ||
              wanted.some(({ key, value }) => same(tag.key, key) && (value === undefined || same(tag.value, value))))
          const tags = new Map(state.tags)
          let matched = false
          for (const sent of args.items("resourceids") ?? []) {
            const id = isNumber(sent) ? (resourceOf(state, types[type], sent)?.id ?? sent) : sent
            const there = tags.get(id) ?? []
            if (there.some((tag) => goes(tag) && !owns(state, caller, tag.owner))) return yield* deny()
            const left = there.filter((tag) => !goes(tag))
            matched ||= left.length < there.length
            if (left.length === 0) tags.delete(id)
            else tags.set(id, left)
          }
          if (!matched) return yield* broken("Failed to delete tags")
          return { state: { ...state, tags }, result: success }
        })
    })
  )

const listTags: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const visible = yield* scope(state, caller, args, false)
    const like = (name: string, actual: string) => {
      const sent = args.text(name)
      return sent === undefined || same(sent, actual)
    }
    const found = [...state.tags.values()]
      .flat()
      .filter(
        (tag) =>
          visible(tag.owner) &&
          like("key", tag.key) &&
          like("value", tag.value) &&
          like("resourcetype", tag.type) &&
          like("resourceid", tag.resource)
      )
      .sort((a, b) => a.n - b.n)
    return answered(state, yield* paged(state, args, "tag", found, (tag) => tagView(state, tag)))
  })

export const tagCommands: Readonly<Record<string, Handler>> = { createTags, deleteTags, listTags }

/** The state under construction, and what the refs of the world stand for. */
import { HashMap } from "effect"
import { newAddress } from "./addressPool.ts"
import { toNumber } from "./net.ts"
import type { Address, Row } from "./records.ts"
import { mint, type State } from "./state.ts"
import type { World } from "./World.ts"

const nobody: Row = { id: "", n: 0 }

const empty = (world: World, seed: number): State => ({
  seed,
  counter: 0,
  pageSize: world.settings.defaultPageSize,
  throttling: world.settings.throttling,
  jobMillis: world.settings.jobMillis,
  domains: { root: nobody, main: nobody },
  offering: nobody,
  managementServer: nobody,
  publicNetwork: nobody,
  networkOfferings: new Map(),
  zones: new Map(),
  accounts: new Map(),
  projects: new Map(),
  vpcs: new Map(),
  aclLists: new Map(),
  aclItems: new Map(),
  networks: new Map(),
  vms: new Map(),
  addresses: new Map(),
  rules: new Map(),
  firewall: new Map(),
  forwarding: new Map(),
  policies: new Map(),
  tags: new Map(),
  jobs: HashMap.empty(),
  pending: new Map(),
  swept: 0,
  windows: new Map(),
  pushes: new Map()
})

export class Builder {
  state: State
  readonly ids = new Map<string, string>()
  private readonly guests = new Map<string, Set<number>>()
  readonly world: World
  readonly now: number
  constructor(world: World, seed: number, now: number) {
    this.world = world
    this.now = now
    this.state = empty(world, seed)
  }
  row(ref?: string): Row {
    const [state, row] = mint(this.state)
    this.state = state
    if (ref !== undefined) this.ids.set(ref, row.id)
    return row
  }
  id(ref: string): string {
    return this.ids.get(ref) ?? ""
  }
  /** The addresses given away in a guest network. */
  guestsOf(network: string): ReadonlySet<number> {
    return this.guests.get(network) ?? new Set()
  }
  guestIp(network: string, ip: string | undefined): string | undefined {
    if (ip === undefined) return undefined
    const known = this.guests.get(network)
    if (known === undefined) this.guests.set(network, new Set([toNumber(ip)]))
    else known.add(toNumber(ip))
    return ip
  }
  address(pool: string, zone: string): Address {
    const [state, address] = newAddress(this.state, pool, zone)
    this.state = state
    return address
  }
}

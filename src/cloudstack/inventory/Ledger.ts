/**
 * What is known of each address, and since when: so that a slow read never overwrites what a later one saw, and a
 * change that came during a read is not forgotten with it. Plain bookkeeping; numbers count reads and changes.
 */
import type { AddressId, Holding } from "../../domain/Cloud.ts"

export class Ledger {
  #ticks = 0
  /** What began before this says nothing any more: a later whole read was recorded, or all was forgotten. */
  #horizon = 0
  #known: Map<AddressId, Holding> | undefined
  /** `#known` as a list, made once for the many who ask between two changes. */
  #list: ReadonlyArray<Holding> | undefined
  readonly #changed = new Map<AddressId, number>()
  /** What we have removed of an address since it was read, by id; its own id if it is the address itself. */
  readonly #removed = new Map<AddressId, Set<string>>()
  readonly #read = new Map<AddressId, number>()

  /** The number of a read that begins now. */
  begin(): number {
    return ++this.#ticks
  }

  /** The address is no longer as known; what has these ids is gone. */
  changed(id: AddressId, removed: ReadonlyArray<string> = []): void {
    this.#changed.set(id, ++this.#ticks)
    if (removed.length > 0) this.#removed.set(id, new Set([...(this.#removed.get(id) ?? []), ...removed]))
  }

  forget(): void {
    this.#horizon = ++this.#ticks
    this.#known = undefined
    this.#list = undefined
    this.#read.clear()
    this.#removed.clear()
  }

  /** Undefined before the first whole read. */
  get holdings(): ReadonlyArray<Holding> | undefined {
    if (this.#known !== undefined) this.#list ??= [...this.#known.values()]
    return this.#list
  }

  isStale(id: AddressId): boolean {
    return this.#changed.has(id)
  }

  /** What is known of an address that nobody reported as changed. */
  trusted(id: AddressId): Holding | undefined {
    return this.#changed.has(id) ? undefined : this.#known?.get(id)
  }

  /** What was there when the address was last read and should be there still: nobody here has removed it. */
  remembered(id: AddressId): Holding | undefined {
    const known = this.#known?.get(id)
    const removed = this.#removed.get(id)
    if (known === undefined || removed === undefined) return known
    if (removed.has(id)) return undefined
    const left = <A extends { readonly id: string }>(all: ReadonlyArray<A>) => all.filter((one) => !removed.has(one.id))
    const { forwards, ...holding } = known
    return {
      ...holding,
      rules: left(known.rules),
      firewall: left(known.firewall),
      ...(forwards === undefined ? {} : { forwards: left(forwards) })
    }
  }

  /** One address as a read that began with this number found it. */
  recordOne(began: number, id: AddressId, holding: Holding | undefined): void {
    if (this.#known === undefined || began < this.#horizon || (this.#read.get(id) ?? 0) > began) return
    this.#settle(id, began)
    this.#read.set(id, began)
    this.#list = undefined
    if (holding === undefined) this.#known.delete(id)
    else this.#known.set(id, holding)
  }

  /** All addresses as a read that began with this number found them. */
  recordAll(began: number, holdings: ReadonlyArray<Holding>): void {
    if (began < this.#horizon) return
    this.#horizon = began
    for (const id of this.#changed.keys()) this.#settle(id, began)
    const next = new Map(holdings.map((holding) => [holding.address.id, holding]))
    for (const [id, later] of this.#read) {
      if (later < began) continue
      const holding = this.#known?.get(id)
      if (holding === undefined) next.delete(id)
      else next.set(id, holding)
    }
    this.#known = next
    this.#list = undefined
  }

  #settle(id: AddressId, began: number): void {
    if ((this.#changed.get(id) ?? 0) >= began) return
    this.#changed.delete(id)
    this.#removed.delete(id)
  }
}

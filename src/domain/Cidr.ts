/** IPv4 networks as canonical text (`10.0.0.0/8`): the only form in which lists of sources are compared. */

export interface Cidr {
  /** Network address as an unsigned 32-bit number, host bits cleared. */
  readonly base: number
  readonly bits: number
}

const octet = /^(0|[1-9]\d{0,2})$/

/** `a.b.c.d` as an unsigned number. */
export const parseIpv4 = (text: string): number | undefined => {
  const parts = text.split(".")
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    const number = Number(part)
    if (!octet.test(part) || number > 255) return undefined
    value = value * 256 + number
  }
  return value
}

const mask = (bits: number): number => (bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0)

/** `a.b.c.d/n`; a plain address counts as `/32`, as CloudStack itself takes it for load balancer rules. */
export const parseCidr = (text: string): Cidr | undefined => {
  const [address = "", length, ...rest] = text.trim().split("/")
  if (rest.length > 0) return undefined
  const bits = length === undefined ? 32 : /^\d{1,2}$/.test(length) ? Number(length) : 33
  const value = parseIpv4(address)
  if (value === undefined || bits > 32) return undefined
  return { base: (value & mask(bits)) >>> 0, bits }
}

const group = /^[0-9a-f]{1,4}$/i

/** An IPv6 address or network. Told apart only: nothing is done with them where addresses are IPv4. */
export const isIpv6 = (text: string): boolean => {
  const [address = "", length, ...rest] = text.trim().split("/")
  if (rest.length > 0 || (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= 128))) return false
  const halves = address.split("::")
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")))
  const last = groups.at(-1)
  // The last two groups may be written as an IPv4 address.
  const mixed = last !== undefined && parseIpv4(last) !== undefined
  if (!(mixed ? groups.slice(0, -1) : groups).every((part) => group.test(part))) return false
  const count = groups.length + (mixed ? 1 : 0)
  return halves.length === 1 ? count === 8 : halves.length === 2 && count < 8
}

export const formatCidr = ({ base, bits }: Cidr): string =>
  `${[24, 16, 8, 0].map((shift) => (base >>> shift) & 255).join(".")}/${bits}`

export const contains = (outer: Cidr, inner: Cidr): boolean =>
  outer.bits <= inner.bits && (inner.base & mask(outer.bits)) >>> 0 === outer.base

/** Sorted, without repetitions. */
export const canonical = (cidrs: Iterable<Cidr>): ReadonlyArray<string> =>
  [...new Set([...cidrs].map(formatCidr))].sort(compareText)

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What both lists admit. Two networks either nest or are disjoint, so the smaller of each nesting pair is all there is. */
export const intersect = (left: ReadonlyArray<Cidr>, right: ReadonlyArray<Cidr>): ReadonlyArray<Cidr> =>
  left.flatMap((a) => right.flatMap((b) => (contains(a, b) ? [b] : contains(b, a) ? [a] : [])))

/** A list as CloudStack returns it (joined by commas or blanks) in canonical form; what is no IPv4 network stays as it is. */
export const canonicalText = (list: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    ...new Set(
      list.map((text) => {
        const cidr = parseCidr(text)
        return cidr === undefined ? text : formatCidr(cidr)
      })
    )
  ].sort(compareText)

/** Whether one of `outer` admits all of `inner`. */
export const admits = (outer: ReadonlyArray<string>, inner: string): boolean => {
  const wanted = parseCidr(inner)
  if (wanted === undefined) return outer.includes(inner)
  return outer.some((text) => {
    const cidr = parseCidr(text)
    return cidr !== undefined && contains(cidr, wanted)
  })
}

export const anywhere = "0.0.0.0/0"

/** IPv4 and IPv6 texts: just enough of them to check CIDRs the way the server does and to hand out addresses. */

const octet = /^(25[0-5]|2[0-4]\d|1?\d?\d)$/

export const isIpv4 = (text: string): boolean => {
  const parts = text.split(".")
  return parts.length === 4 && parts.every((part) => octet.test(part))
}

const isIpv6 = (text: string): boolean => {
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(":")) return false
  const [head = "", tail, ...more] = text.split("::")
  if (more.length > 0) return false
  const groups = (side: string) => (side === "" ? [] : side.split(":"))
  const all = [...groups(head), ...groups(tail ?? "")]
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false
  return tail === undefined ? all.length === 8 : all.length < 8
}

const hasPrefix = (text: string, isAddress: (address: string) => boolean, bits: number): boolean => {
  const [address = "", prefix, ...more] = text.split("/")
  return (
    more.length === 0 &&
    prefix !== undefined &&
    /^\d{1,3}$/.test(prefix) &&
    Number(prefix) <= bits &&
    isAddress(address)
  )
}

export const isCidr4 = (text: string): boolean => hasPrefix(text, isIpv4, 32)
export const isCidr = (text: string): boolean => isCidr4(text) || hasPrefix(text, isIpv6, 128)
export const isCidrOrAddress = (text: string): boolean => isCidr(text) || isIpv4(text) || isIpv6(text)

export const toNumber = (ip: string): number => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)

export const toIp = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".")

export const isPort = (port: number): boolean => port >= 0 && port <= 65535

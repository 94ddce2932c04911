/** Labels that say where a Node runs and on what, always legal whatever CloudStack's names look like. */

/** What CloudStack knows about the VM, in CloudStack's own words. */
export interface Placement {
  readonly instanceType?: string
  readonly zone?: string
  readonly region?: string
}

type Labels = Readonly<Record<string, string>>

/** Both generations of each label. Of a Node already initialised the older one counts, as upstream has it. */
const generations = {
  instanceType: { beta: "beta.kubernetes.io/instance-type", stable: "node.kubernetes.io/instance-type" },
  zone: { beta: "failure-domain.beta.kubernetes.io/zone", stable: "topology.kubernetes.io/zone" },
  region: { beta: "failure-domain.beta.kubernetes.io/region", stable: "topology.kubernetes.io/region" }
} as const

const longest = 63

/**
 * A legal label value, or none if there is nothing to say. Illegal characters become `_`, the ends are trimmed. A value
 * that is cut, or of which nothing legal remains, carries a hash of the original, so that two long names stay two.
 */
export const labelValue = (text: string): string | undefined => {
  if (text.trim() === "") return undefined
  const legal = trimEnds(text.replace(/[^A-Za-z0-9._-]/gu, "_"))
  if (legal === "") return shortHash(text)
  if (legal.length <= longest) return legal
  const hash = shortHash(text)
  return `${trimEnds(legal.slice(0, longest - hash.length - 1))}-${hash}`
}

/** The labels a Node gets when it is initialised; nothing for what is not known. */
export const placementLabels = (placement: Placement): Labels => {
  const labels: Record<string, string> = {}
  for (const kind of ["instanceType", "zone", "region"] as const) {
    const value = labelValue(placement[kind] ?? "")
    if (value === undefined) continue
    labels[generations[kind].stable] = value
    labels[generations[kind].beta] = value
  }
  return labels
}

/** The stable labels to set so that they agree with their older generation; empty = nothing to do. */
export const reconciledLabels = (labels: Labels): Labels =>
  Object.fromEntries(
    Object.values(generations).flatMap(({ beta, stable }) => {
      const value = labels[beta]
      return value === undefined || value === labels[stable] ? [] : [[stable, value]]
    })
  )

const trimEnds = (text: string) => text.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "")

/** FNV-1a over UTF-8: eight hexadecimal digits that never change, since labels outlive versions. */
const shortHash = (text: string): string => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}

/** The names of the controllers, and which of them `--controllers` switches on. */
import { nearest } from "../../config/nearest.ts"

/** Canonical name to the shorter one of older releases. */
export const aliases = {
  "cloud-node-controller": "cloud-node",
  "cloud-node-lifecycle-controller": "cloud-node-lifecycle",
  "node-route-controller": "route",
  "service-lb-controller": "service"
} as const

export type ControllerName = keyof typeof aliases

const known: ReadonlySet<string> = new Set(Object.entries(aliases).flat())

/** The first entry that names the controller decides; with none, `*` anywhere switches it on. */
export const isEnabled = (name: ControllerName, entries: ReadonlyArray<string>): boolean => {
  const names: ReadonlyArray<string> = [name, aliases[name]]
  const first = entries.find((entry) => names.includes(entry.replace(/^-/, "")))
  return first === undefined ? entries.includes("*") : !first.startsWith("-")
}

export const unknownControllers = (entries: ReadonlyArray<string>): ReadonlyArray<string> =>
  entries
    .map((entry) => entry.replace(/^-/, ""))
    .filter((name) => name !== "*" && !known.has(name))
    .map((name) => {
      const near = nearest(name, known)
      const hint = near === undefined ? "" : ` (did you mean ${near}?)`
      const names = Object.keys(aliases).join(", ")
      return `--controllers: ${JSON.stringify(name)} is not in the list of known controllers: ${names}${hint}`
    })

/** All flags of the controller, in the groups in which `--help` and the reference page show them. */
import { Schema } from "effect"
import { cloud, election, logging, own, retired } from "./cloud.ts"
import type { About } from "./Flag.ts"
import { access, generic, serving, webhooks } from "./serving.ts"

const fields = {
  ...own,
  ...cloud,
  ...generic,
  ...election,
  ...serving,
  ...access,
  ...webhooks,
  ...logging,
  ...retired
}

/** Decodes the text of every flag, given or default. */
export const FlagsFromText = Schema.Struct(fields)
export interface Flags extends Schema.Schema.Type<typeof FlagsFromText> {}

type Group = { readonly title: string; readonly flags: Readonly<Record<string, { readonly about: About }>> }

export const groups: ReadonlyArray<Group> = [
  { title: "Of cloudstack-ccm", flags: own },
  { title: "Cloud and cluster", flags: cloud },
  { title: "Generic", flags: generic },
  { title: "Leader election", flags: election },
  { title: "Serving", flags: serving },
  { title: "Authentication and authorization", flags: access },
  { title: "Webhooks", flags: webhooks },
  { title: "Logging", flags: logging },
  { title: "Retired", flags: retired }
]

export const abouts: ReadonlyMap<string, About> = new Map(
  groups.flatMap(({ flags }) => Object.entries(flags).map(([name, { about }]) => [name, about] as const))
)

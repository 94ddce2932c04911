/** One command line flag: how its text is read, and what is said about it in `--help` and the reference page. */
import { Schema } from "effect"
import { parseBool } from "../../config/goSyntax.ts"
import { boolean, type Text } from "../../config/text.ts"

export interface About {
  readonly help: string
  /** As a user would write it; the value when the flag is absent. */
  readonly default: string
  /** What stands for the value in `--help`. */
  readonly value: string
  /** Repeating the flag adds to it, joined by this; otherwise the last one counts. */
  readonly join?: string
  /** Accepted so that a manifest written for upstream starts; nothing reads it. */
  readonly inert?: true
}

export type Flag<A> = Text<A> & { readonly about: About }

export const flag = <A>(text: Text<A>, about: About): Flag<A> =>
  Object.assign(text.annotate({ description: about.help }), { about })

/** Needs no value: `--name` is `--name=true`. */
export const boolFlag = (value: boolean, help: string, inert?: "inert"): Flag<boolean> =>
  flag(boolean(parseBool), { help, default: String(value), value: "bool", ...mark(inert) })

export const stringFlag = (value: string, help: string, inert?: "inert"): Flag<string> =>
  flag(Schema.String, { help, default: value, value: "string", ...mark(inert) })

const mark = (inert: "inert" | undefined) => (inert === undefined ? {} : { inert: true as const })

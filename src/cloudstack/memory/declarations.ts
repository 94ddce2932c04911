/** What the server declares about the parameters of each command. */
import { asyncCommands, syncCommands } from "./apiTable.ts"

export interface Declaration {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly length: number
  readonly sinceKnown: boolean
}

const declared = new Map<string, ReadonlyArray<Declaration>>()

export const declarationsOf = (command: string): ReadonlyArray<Declaration> => {
  const known = declared.get(command)
  if (known !== undefined) return known
  const line = asyncCommands[command] ?? syncCommands[command] ?? ""
  const parsed = line
    .split(" ")
    .filter((part) => part !== "")
    .map((part): Declaration => {
      const [, name = "", type = "s", rest = ""] = /^(\w+):(\w)(.*)$/.exec(part) ?? []
      const length = /\d+/.exec(rest)?.[0]
      return {
        name,
        type,
        required: rest.includes("!"),
        length: length === undefined ? 255 : Number(length),
        sinceKnown: rest.includes("@")
      }
    })
  declared.set(command, parsed)
  return parsed
}

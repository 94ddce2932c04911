/**
 * The INI dialect of Go's gcfg, in which cloud-config files are written: quotes with escapes, `#` and `;` comments,
 * lines continued by `\`, a key without `=` as a switch. Goes on after a mistake, so that all of them are found, and
 * never quotes the text of the file, which holds secrets.
 */

export interface Entry {
  /** Lower case, as names of sections and keys are not case sensitive. */
  readonly section: string
  /** As written. */
  readonly key: string
  /** Absent where there was no `=`. */
  readonly value?: string
  readonly line: number
}

export interface Mistake {
  readonly line: number
  readonly key?: string
  readonly reason: string
}

export interface Parsed {
  readonly entries: ReadonlyArray<Entry>
  readonly mistakes: ReadonlyArray<Mistake>
  readonly sections: ReadonlyArray<{ readonly name: string; readonly line: number }>
}

export const parseGcfg = (text: string): Parsed => {
  const cursor = new Cursor(text.replace(/^\uFEFF/, ""))
  const entries: Array<Entry> = []
  const mistakes: Array<Mistake> = []
  const sections: Array<{ name: string; line: number }> = []
  let section: string | undefined
  let complained = false

  for (; !cursor.done; cursor.nextLine()) {
    const line = cursor.line
    cursor.skip(/[ \t\r]*/y)
    if (cursor.atEnd) continue

    const header = cursor.take(/\[[ \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*("(?:[^"\\\n]|\\.)*")?[ \t]*\][ \t\r]*/y)
    if (header !== undefined) {
      section = `${header[1] ?? ""}${header[2] === undefined ? "" : ` ${header[2]}`}`.toLowerCase()
      sections.push({ name: section, line })
      if (!cursor.atEnd) mistakes.push({ line, reason: "expected nothing but a comment after the section header" })
      continue
    }
    const key = cursor.take(/([A-Za-z][A-Za-z0-9_-]*)[ \t\r]*/y)?.[1]
    if (key === undefined) {
      mistakes.push({ line, reason: "expected [section], a key, or a comment" })
      continue
    }
    const value = readValue(cursor)
    if (section === undefined && !complained) {
      mistakes.push({ line, reason: "expected a section header such as [Global] before the first key" })
      complained = true
    }
    if (typeof value === "object") mistakes.push({ line, key, reason: value.reason })
    else entries.push({ section: section ?? "", key, line, ...(value === undefined ? {} : { value }) })
  }
  return { entries, mistakes, sections }
}

/** Undefined where there is no `=`. */
const readValue = (cursor: Cursor): string | undefined | { readonly reason: string } => {
  if (cursor.atEnd) return undefined
  if (cursor.take(/=[ \t\r]*/y) === undefined) return { reason: "expected = after the key" }
  let value = ""
  let kept = 0 // white space at the end counts only inside quotes
  while (!cursor.atEnd) {
    const bare = cursor.take(/[^"\\;#\n]+/y)?.[0]
    if (bare !== undefined) {
      value += bare.replaceAll("\r", "")
      kept = Math.max(kept, value.trimEnd().length)
    } else if (cursor.take(/\\\r?(\n|$)/y) !== undefined) {
      cursor.line++
    } else if (cursor.take(/\\/y) !== undefined) {
      return { reason: "a backslash outside quotes must be the last of its line" }
    } else {
      const quoted = cursor.take(/"((?:[^"\\\n]|\\[^\n])*)"/y)?.[1]
      if (quoted === undefined) return { reason: "the quote is not closed on its line" }
      if (/(?<!\\)(?:\\\\)*\\[^nt"\\]/.test(quoted))
        return { reason: 'unknown escape: only \\n \\t \\" and \\\\ exist' }
      value += quoted.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter)
      kept = value.length
    }
  }
  return value.slice(0, kept)
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t" }

/** Quoted, so that whatever the value is, `parseGcfg` reads it back. */
export const printValue = (value: string): string =>
  `"${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t")}"`

class Cursor {
  line = 1
  private at = 0
  private readonly text: string
  constructor(text: string) {
    this.text = text
  }
  get done(): boolean {
    return this.at >= this.text.length
  }
  /** Nothing but a comment follows on this line. */
  get atEnd(): boolean {
    this.skip(/(?:[ \t\r]*[;#][^\n]*)?/y)
    return this.done || this.text[this.at] === "\n"
  }
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) return undefined
    this.at += found[0].length
    return found
  }
  skip(pattern: RegExp): void {
    this.take(pattern)
  }
  nextLine(): void {
    const end = this.text.indexOf("\n", this.at)
    this.at = end < 0 ? this.text.length : end + 1
    this.line++
  }
}

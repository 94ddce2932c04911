/** Answers as XML: what the server writes to everybody who does not ask for `response=json`. */

export const xmlType = "text/xml;charset=utf-8"

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;"
}
const escape = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? "")

/** A list is its element repeated. */
const element = (name: string, value: unknown): string => {
  if (Array.isArray(value)) return value.map((item: unknown) => element(name, item)).join("")
  if (typeof value !== "object" || value === null) return `<${name}>${escape(String(value))}</${name}>`
  return `<${name}>${children(value)}</${name}>`
}

const children = (value: unknown): string =>
  typeof value === "object" && value !== null
    ? Object.entries(value)
        .map(([name, inner]) => element(name, inner))
        .join("")
    : ""

/** The envelope carries the version of the server. */
export const toXml = (body: unknown, version: string): string => {
  const envelopes = typeof body === "object" && body !== null ? Object.entries(body) : []
  const texts = envelopes.map(
    ([name, inner]) => `<${name} cloud-stack-version="${version}">${children(inner)}</${name}>`
  )
  return ['<?xml version="1.0" encoding="UTF-8"?>', ...texts].join("")
}

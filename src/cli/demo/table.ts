/** The demo's summary. */
import type { Row } from "./play.ts"

const heads = ["", "scene", "reads", "changes", "router pushes", "seconds"]

export const table = (rows: ReadonlyArray<Row>): string => {
  const cells = rows.map(({ changes, ok, pushes, reads, scene, seconds }) => [
    ok ? "✓" : "✗",
    scene,
    String(reads),
    String(changes),
    String(pushes),
    seconds.toFixed(1)
  ])
  const widths = heads.map((head, column) => Math.max(head.length, ...cells.map((row) => (row[column] ?? "").length)))
  const line = (row: ReadonlyArray<string>) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd()
  return [line(heads), line(widths.map((width) => "─".repeat(width))), ...cells.map(line)].join("\n")
}

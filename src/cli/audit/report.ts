/** An audit for people and for programs. */
import type { Finding } from "../../controllers/service/audit.ts"
import type { Unreleased } from "../../controllers/service/auditRun.ts"
import type { Preview } from "../../controllers/service/preview.ts"
import { table } from "../oneShot.ts"

export interface Report {
  readonly findings: ReadonlyArray<Finding>
  /** What `--fix` has released. */
  readonly released: ReadonlyArray<Finding>
  /** Where `--fix` could not release all of it. */
  readonly unreleased: ReadonlyArray<Unreleased>
  /** Services that the controller would change something for. */
  readonly drifted: ReadonlyArray<Preview>
  /** Services of which it could not be told, or not all of it. */
  readonly unplanned: ReadonlyArray<Preview>
}

const order: ReadonlyArray<Finding["kind"]> = ["leaked", "foreign", "unused", "kept", "used"]

const row = (kind: string, { id, name, service, what }: Finding) => [kind.toUpperCase(), what, name, id, service]

export const auditTable = ({ drifted, findings, released, unplanned, unreleased }: Report): string => {
  const rows = [
    ...released.map((finding) => row("released", finding)),
    ...unreleased.map(({ error, service }) => ["UNRELEASED", "Service", error, "", service]),
    ...order.flatMap((kind) => findings.filter((one) => one.kind === kind).map((finding) => row(kind, finding))),
    ...drifted.map(({ calls, service }) => [
      "DRIFTED",
      "Service",
      `${calls.length} call(s) due, see plan`,
      "",
      service
    ]),
    ...unplanned.map(({ error, service }) => ["UNPLANNED", "Service", error ?? "", "", service])
  ]
  const counts = order.map((kind) => `${findings.filter((one) => one.kind === kind).length} ${kind}`)
  const total = [
    ...(released.length > 0 ? [`${released.length} released`] : []),
    ...(unreleased.length > 0 ? [`${unreleased.length} unreleased`] : []),
    ...counts,
    `${drifted.length} drifted`,
    ...(unplanned.length > 0 ? [`${unplanned.length} unplanned`] : [])
  ]
  return `${table(["FOUND", "WHAT", "NAME", "ID", "SERVICE"], rows)}\n\n${total.join(", ")}`
}

export const auditJson = (report: Report): string => JSON.stringify(report, undefined, 2)

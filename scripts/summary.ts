/**
 * The last line of a test run, `N passed, N failed`, from vitest's own JSON report, and its exit code.
 *
 *     node scripts/summary.ts <report.json> <exit code of vitest>
 *
 * Skipped tests count as failed, as do files that did not load and a run that failed without naming a test: a run is
 * only good if all of it ran.
 */
import { readFileSync } from "node:fs"
import { Schema } from "effect"

const Report = Schema.Struct({
  testResults: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      status: Schema.String,
      message: Schema.optionalKey(Schema.String),
      assertionResults: Schema.Array(Schema.Struct({ fullName: Schema.String, status: Schema.String }))
    })
  )
})

const [file = "", code = "1"] = process.argv.slice(2)

const read = (): typeof Report.Type => {
  try {
    return Schema.decodeUnknownSync(Schema.fromJsonString(Report))(readFileSync(file, "utf8"))
  } catch {
    return { testResults: [] }
  }
}

const files = read().testResults
const tests = files.flatMap((of) => of.assertionResults.map((test) => ({ ...test, file: of.name })))
const passed = tests.filter(({ status }) => status === "passed").length
const unsuccessful = tests
  .filter(({ status }) => status !== "passed")
  .map((of) => `${of.status} ${of.file}: ${of.fullName}`)
const broken = files
  .filter((of) => of.status !== "passed" && of.assertionResults.every(({ status }) => status === "passed"))
  .map((of) => `not loaded ${of.name}: ${of.message ?? ""}`)
const named = [...unsuccessful, ...broken]
const failures = named.length > 0 || (code === "0" && passed > 0) ? named : [`the run itself failed, exit code ${code}`]

for (const failure of failures) console.log(failure)
console.log(`${passed} passed, ${failures.length} failed`)
process.exitCode = failures.length === 0 ? 0 : 1

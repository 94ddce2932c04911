/** The oldest Node that the program runs on. Loaded by any Node, so it uses nothing that is new. */
import manifest from "../../package.json" with { type: "json" }

/** `>=22.19` as the numbers of a version. */
const needed = manifest.engines.node.replace(/^>=\s*/, "")

const numbers = (version: string) => version.split(".").map(Number)

/** Why the program can not run on this version (`20.11.1`), or undefined. */
export const refusal = (version: string): string | undefined => {
  const [major = 0, minor = 0] = numbers(version)
  const [leastMajor = 0, leastMinor = 0] = numbers(needed)
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? undefined
    : `cloudstack-ccm needs Node ${needed} or newer, this is v${version}`
}

/** What the values of flags must fulfil beyond their own syntax. Gives every problem, in upstream's words where it has any. */
import { nearest } from "../../config/nearest.ts"
import { expectedServer, serverUrl } from "../../kubernetes/live/serverUrl.ts"
import { timingProblems } from "../../runtime/electionTiming.ts"
import { unknownControllers } from "./controllers.ts"
import type { Flags } from "./Flags.ts"

export const providers = ["external-cloudstack", "cloudstack"] as const

export const validate = (flags: Flags): ReadonlyArray<string> => [
  ...provider(flags["cloud-provider"]),
  ...unknownControllers(flags.controllers),
  ...(flags["leader-elect"] ? election(flags) : []),
  ...ports(flags),
  ...master(flags.master),
  ...tls(flags),
  ...flags.webhooks
    .filter((name) => name !== "*")
    .map((name) => `${JSON.stringify(name)} is not in the list of known webhooks`),
  ...featureGates(flags["feature-gates"]),
  ...logging(flags),
  ...loadBalancerClass(flags["load-balancer-class"])
]

const provider = (name: string): ReadonlyArray<string> => {
  if (name === "") return ["--cloud-provider cannot be empty: external-cloudstack or cloudstack"]
  if (providers.some((known) => known === name)) return []
  return [`unknown cloud provider ${JSON.stringify(name)}: --cloud-provider is external-cloudstack or cloudstack`]
}

const election = (flags: Flags): ReadonlyArray<string> => {
  const timing = {
    leaseDuration: flags["leader-elect-lease-duration"],
    renewDeadline: flags["leader-elect-renew-deadline"],
    retryPeriod: flags["leader-elect-retry-period"]
  }
  const unnamed = (["name", "namespace"] as const).filter((part) => flags[`leader-elect-resource-${part}`] === "")
  return [
    ...(flags["leader-elect-resource-lock"] === "leases"
      ? []
      : ['resourceLock value must be "leases" (--leader-elect-resource-lock)']),
    ...timingProblems(timing).map((problem) => `--leader-elect-…: ${problem}`),
    ...unnamed.map((part) => `--leader-elect-resource-${part} cannot be empty`)
  ]
}

const ports = (flags: Flags): ReadonlyArray<string> =>
  flags["secure-port"] !== 0 && flags["secure-port"] === flags["webhook-secure-port"]
    ? ["--webhook-secure-port and --secure-port must differ"]
    : []

const master = (text: string): ReadonlyArray<string> =>
  text === "" || serverUrl(text, true) !== undefined
    ? []
    : [`invalid argument ${JSON.stringify(text)} for --master: ${expectedServer}`]

const tls = (flags: Flags): ReadonlyArray<string> =>
  (flags["tls-cert-file"] === "") === (flags["tls-private-key-file"] === "")
    ? []
    : ["--tls-cert-file and --tls-private-key-file belong together"]

/** Gates that a cloud controller manager of upstream knows by itself or through its libraries. */
const gates: ReadonlySet<string> = new Set([
  "AllAlpha",
  "AllBeta",
  "APIResponseCompression",
  "APIServerTracing",
  "APIServingWithRoutine",
  "AggregatedDiscoveryRemoveBetaType",
  "ClientsAllowCBOR",
  "ClientsPreferCBOR",
  "CloudControllerManagerWatchBasedRoutesReconciliation",
  "CloudControllerManagerWebhook",
  "ComponentFlagz",
  "ComponentStatusz",
  "ContextualLogging",
  "InOrderInformers",
  "InformerResourceVersion",
  "LoggingAlphaOptions",
  "LoggingBetaOptions",
  "StructuredAuthenticationConfiguration",
  "StructuredAuthorizationConfiguration",
  "UnauthenticatedHTTP2DOSMitigation",
  "WatchList",
  "WatchListClient"
])

const featureGates = (entries: ReadonlyArray<string>): ReadonlyArray<string> =>
  entries.flatMap((entry) => {
    const [name = "", value] = entry.split("=").map((part) => part.trim())
    if (value === undefined) return [`--feature-gates: missing bool value for ${name}`]
    if (!/^(true|false)$/i.test(value)) return [`--feature-gates: invalid value of ${name}: expected true or false`]
    if (gates.has(name)) return []
    const near = nearest(name, gates)
    return [`unrecognized feature gate: ${name}${near === undefined ? "" : ` (did you mean ${near}?)`}`]
  })

const logging = (flags: Flags): ReadonlyArray<string> => [
  ...(flags.vmodule !== "" && flags["logging-format"] !== "text"
    ? ["--vmodule is only possible with --logging-format=text"]
    : []),
  ...flags.vmodule
    .split(",")
    .filter((entry) => entry !== "" && !/^[^=]+=\d+$/.test(entry))
    .map((entry) => `--vmodule: ${JSON.stringify(entry)} is not of the form pattern=N`)
]

const loadBalancerClass = (name: string): ReadonlyArray<string> =>
  name === "" || /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name)
    ? []
    : ["--load-balancer-class must be a label name such as example.org/cloudstack"]

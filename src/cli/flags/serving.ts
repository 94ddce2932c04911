/** Flags about the Kubernetes client, and about what the process serves: health, metrics and who may read them. */
import { duration, integer, ipAddress, list, number, oneOf } from "../../config/text.ts"
import { boolFlag, flag, stringFlag } from "./Flag.ts"

const listFlag = (value: string, help: string, inert?: "inert") =>
  flag(list, { help, default: value, value: "strings", join: ",", ...(inert === undefined ? {} : { inert: true }) })

const cache = (help: string, inert?: "inert") =>
  flag(duration(), { help, default: "10s", value: "duration", ...(inert === undefined ? {} : { inert: true }) })

export const generic = {
  kubeconfig: stringFlag("", "File with the way to the API server. Empty: the pod's own service account."),
  master: stringFlag("", "Address of the API server, a URL or host:port; overrides the one in --kubeconfig."),
  "kube-api-qps": flag(number(0), {
    help: "Requests per second to the API server; 0 means no limit.",
    default: "20",
    value: "float"
  }),
  "kube-api-burst": flag(integer(0), { help: "Requests above that for a moment.", default: "30", value: "int" }),
  "kube-api-content-type": stringFlag("application/vnd.kubernetes.protobuf", "JSON is spoken.", "inert"),
  "min-resync-period": flag(duration(), {
    help: "See --resync-period.",
    default: "12h0m0s",
    value: "duration",
    inert: true
  }),
  controllers: listFlag(
    "*",
    "Controllers to run: * for all, name for one, -name for all but one. Names: cloud-node-controller (cloud-node), " +
      "cloud-node-lifecycle-controller (cloud-node-lifecycle), service-lb-controller (service), node-route-controller (route)."
  ),
  "controller-start-interval": flag(duration(), {
    help: "Pause between the starts of two controllers.",
    default: "0s",
    value: "duration"
  }),
  "feature-gates": flag(list, {
    help: "Name=true,Name2=false. Upstream's names are accepted; none has an effect.",
    default: "",
    value: "strings",
    join: ","
  }),
  profiling: boolFlag(true, "Go's profiler.", "inert"),
  "contention-profiling": boolFlag(false, "Go's profiler.", "inert")
}

export const serving = {
  "bind-address": flag(ipAddress, {
    help: "Address the server for health and metrics listens on (plain HTTP; metrics for this host only).",
    default: "0.0.0.0",
    value: "ip"
  }),
  "secure-port": flag(integer(0, 65_535), {
    help: "Port of the server for health and metrics; 0 means no server.",
    default: "10258",
    value: "int"
  }),
  "cert-dir": stringFlag("", "Plain HTTP is served.", "inert"),
  "tls-cert-file": stringFlag("", "Plain HTTP is served.", "inert"),
  "tls-private-key-file": stringFlag("", "Plain HTTP is served.", "inert"),
  "tls-cipher-suites": listFlag("", "Plain HTTP is served.", "inert"),
  "tls-curve-preferences": listFlag("", "Plain HTTP is served.", "inert"),
  "tls-min-version": flag(oneOf(["", "VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"]), {
    help: "Plain HTTP is served.",
    default: "",
    value: "string",
    inert: true
  }),
  "tls-sni-cert-key": flag(list, {
    help: "Plain HTTP is served.",
    default: "",
    value: "strings",
    join: ",",
    inert: true
  }),
  "http2-max-streams-per-connection": flag(integer(0), {
    help: "HTTP/1.1 is served.",
    default: "0",
    value: "int",
    inert: true
  }),
  "disable-http2-serving": boolFlag(false, "HTTP/1.1 is served.", "inert"),
  "permit-port-sharing": boolFlag(false, "", "inert"),
  "permit-address-sharing": boolFlag(false, "", "inert")
}

/** Until requests are authorised. */
const who = "Metrics are served to this host only, health to everybody."

export const access = {
  "authentication-kubeconfig": stringFlag("", who, "inert"),
  "authentication-skip-lookup": boolFlag(false, who, "inert"),
  "authentication-tolerate-lookup-failure": boolFlag(false, who, "inert"),
  "authentication-token-webhook-cache-ttl": cache(who, "inert"),
  "client-ca-file": stringFlag("", who, "inert"),
  "requestheader-client-ca-file": stringFlag("", who, "inert"),
  "requestheader-allowed-names": listFlag("", who, "inert"),
  "requestheader-username-headers": listFlag("x-remote-user", who, "inert"),
  "requestheader-group-headers": listFlag("x-remote-group", who, "inert"),
  "requestheader-uid-headers": listFlag("", who, "inert"),
  "requestheader-extra-headers-prefix": listFlag("x-remote-extra-", who, "inert"),
  "authorization-kubeconfig": stringFlag("", who, "inert"),
  "authorization-always-allow-paths": listFlag("/healthz,/readyz,/livez", who, "inert"),
  "authorization-webhook-cache-authorized-ttl": cache(who, "inert"),
  "authorization-webhook-cache-unauthorized-ttl": cache(who, "inert")
}

export const webhooks = {
  webhooks: listFlag("", "No webhook exists: only * is legal.", "inert"),
  "webhook-bind-address": flag(ipAddress, { help: "", default: "0.0.0.0", value: "ip", inert: true }),
  "webhook-secure-port": flag(integer(0, 65_535), { help: "", default: "10260", value: "int", inert: true }),
  "webhook-cert-dir": stringFlag("", "", "inert"),
  "webhook-tls-cert-file": stringFlag("", "", "inert"),
  "webhook-tls-private-key-file": stringFlag("", "", "inert"),
  "webhook-tls-cipher-suites": listFlag("", "", "inert"),
  "webhook-tls-curve-preferences": listFlag("", "", "inert"),
  "webhook-tls-min-version": stringFlag("", "", "inert"),
  "webhook-tls-sni-cert-key": listFlag("", "", "inert"),
  "webhook-disable-http2-serving": boolFlag(false, "", "inert")
}

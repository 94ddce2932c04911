/** Flags about the cloud, the cluster and the controllers' pace; the first group are our own. */
import { Duration } from "effect"
import { duration, integer, oneOf } from "../../config/text.ts"
import { boolFlag, flag, stringFlag } from "./Flag.ts"

const positive = duration(Duration.millis(1))

export const own = {
  "resync-period": flag(duration(Duration.seconds(1)), {
    help: "How often every Service is compared with CloudStack in full and drift is repaired (jittered).",
    default: "10m0s",
    value: "duration"
  }),
  "dry-run": boolFlag(
    false,
    "Show in the log what would change; write nothing to CloudStack or Kubernetes, and take no Lease."
  ),
  adopt: boolFlag(
    true,
    "Take over, in place and by tags only, what the Go providers of Apache and Leaseweb made for Services of this cluster."
  ),
  "load-balancer-class": stringFlag(
    "",
    "Serve only Services with this spec.loadBalancerClass. Empty: only those without a class."
  )
}

export const cloud = {
  "cloud-provider": stringFlag(
    "",
    "Required. external-cloudstack or cloudstack: also chooses the form of providerID for new nodes."
  ),
  "cloud-config": stringFlag("", "File with the cloud's settings. Each of them may come from the environment instead."),
  "cluster-name": stringFlag("kubernetes", "Name that an earlier provider wrote into the names of its rules."),
  "allow-untagged-cloud": boolFlag(false, "A cluster identity is always there.", "inert"),
  "configure-cloud-routes": boolFlag(true, "CloudStack has no routes for pods.", "inert"),
  "allocate-node-cidrs": boolFlag(false, "Pod networks are not ours.", "inert"),
  "cluster-cidr": stringFlag("", "Pod networks are not ours.", "inert"),
  "cidr-allocator-type": stringFlag("RangeAllocator", "Pod networks are not ours.", "inert"),
  "route-reconciliation-period": flag(duration(), {
    help: "CloudStack has no routes for pods.",
    default: "10s",
    value: "duration",
    inert: true
  }),
  "node-monitor-period": flag(positive, {
    help: "How long after a look at the nodes that are not Ready the next one begins.",
    default: "5s",
    value: "duration"
  }),
  "node-status-update-frequency": flag(positive, {
    help: "How long after a refresh of all nodes' addresses the next one begins.",
    default: "5m0s",
    value: "duration"
  }),
  "node-sync-period": flag(duration(), { help: "Deprecated upstream.", default: "0s", value: "duration", inert: true }),
  "concurrent-service-syncs": flag(integer(1, 1000), {
    help: "Services that are reconciled at a time (upstream: 1).",
    default: "10",
    value: "int"
  }),
  "concurrent-node-syncs": flag(integer(1, 1000), {
    help: "Nodes that are initialised at a time.",
    default: "1",
    value: "int"
  }),
  "concurrent-node-status-updates": flag(integer(0, 1000), {
    help: "Nodes that are refreshed at a time; 0 means as --concurrent-node-syncs.",
    default: "0",
    value: "int"
  }),
  "external-cloud-volume-plugin": stringFlag("", "Volumes are not ours.", "inert"),
  "use-service-account-credentials": boolFlag(false, "All controllers use the pod's own identity.", "inert")
}

export const election = {
  "leader-elect": boolFlag(true, "Work only while holding the Lease, so that several replicas can run."),
  "leader-elect-lease-duration": flag(duration(), {
    help: "How long others wait after the last renewal they saw before they take over.",
    default: "15s",
    value: "duration"
  }),
  "leader-elect-renew-deadline": flag(duration(), {
    help: "How long the leader tries to renew before it gives up.",
    default: "10s",
    value: "duration"
  }),
  "leader-elect-retry-period": flag(duration(), {
    help: "Time between attempts to take or renew the Lease.",
    default: "2s",
    value: "duration"
  }),
  "leader-elect-resource-lock": stringFlag("leases", "Kind of the lock; only leases is possible."),
  "leader-elect-resource-name": stringFlag("cloud-controller-manager", "Name of the Lease."),
  "leader-elect-resource-namespace": stringFlag("kube-system", "Namespace of the Lease."),
  "enable-leader-migration": boolFlag(false, "For moving controllers out of kube-controller-manager.", "inert"),
  "leader-migration-config": stringFlag("", "For moving controllers out of kube-controller-manager.", "inert")
}

export const logging = {
  v: flag(integer(0, 100), {
    help: "Verbosity: 0 changes and errors, 4 decisions, 6 every call.",
    default: "0",
    value: "int"
  }),
  vmodule: stringFlag("", "Go's per-file verbosity.", "inert"),
  "logging-format": flag(oneOf(["text", "json"]), { help: "text or json.", default: "text", value: "string" }),
  "log-flush-frequency": flag(duration(), {
    help: "Nothing is buffered.",
    default: "5s",
    value: "duration",
    inert: true
  }),
  "log-json-split-stream": boolFlag(false, "An alpha option of Go's logger.", "inert"),
  "log-json-info-buffer-size": stringFlag("0", "An alpha option of Go's logger.", "inert"),
  "log-text-split-stream": boolFlag(false, "An alpha option of Go's logger.", "inert"),
  "log-text-info-buffer-size": stringFlag("0", "An alpha option of Go's logger.", "inert")
}

/** Flags of older klog: the Apache provider's 1.x still took them. */
export const retired = {
  "add-dir-header": boolFlag(false, "", "inert"),
  alsologtostderr: boolFlag(false, "", "inert"),
  "log-backtrace-at": stringFlag(":0", "", "inert"),
  "log-dir": stringFlag("", "", "inert"),
  "log-file": stringFlag("", "", "inert"),
  "log-file-max-size": stringFlag("1800", "", "inert"),
  logtostderr: boolFlag(true, "", "inert"),
  "one-output": boolFlag(false, "", "inert"),
  "skip-headers": boolFlag(false, "", "inert"),
  "skip-log-headers": boolFlag(false, "", "inert"),
  stderrthreshold: stringFlag("2", "", "inert")
}

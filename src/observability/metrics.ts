/** All metrics of the controller. Names and buckets are an interface: dashboards and alerts are built on them. */
import { counter, gauge, histogram } from "./Family.ts"

const powersOfTen = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000]
const doublings = Array.from({ length: 15 }, (_, index) => 2 ** index)
const quadruplings = [1, 4, 16, 64, 256, 1024]
/** From a local answer to the longest deadline of a call. */
const callSeconds = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]
/** From a job without a router command to a stuck one. */
const jobSeconds = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600]

// Names, help and buckets of the upstream framework.

export const loadBalancerSyncs = counter(
  "service_controller_loadbalancer_sync_total",
  "[ALPHA] A metric counting the amount of times any load balancer has been configured, as an effect of service/node changes on the cluster"
)
export const nodeSyncErrors = counter(
  "service_controller_nodesync_error_total",
  "[ALPHA] A metric counting the amount of times any load balancer has been configured and errored, as an effect of node changes on the cluster"
)
export const nodeSyncLatency = histogram(
  "service_controller_nodesync_latency_seconds",
  "[ALPHA] A metric measuring the latency for nodesync which updates loadbalancer hosts on cluster node updates.",
  doublings
)
export const hostUpdateLatency = histogram(
  "service_controller_update_loadbalancer_host_latency_seconds",
  "[ALPHA] A metric measuring the latency for updating each load balancer hosts.",
  doublings
)
export const taintRemovalDelay = histogram(
  "node_controller_cloud_provider_taint_removal_delay_seconds",
  "[ALPHA] Number of seconds after node creation when NodeController removed the cloud-provider taint of a single node.",
  quadruplings
)
export const initialNodeSyncDelay = histogram(
  "node_controller_initial_node_sync_delay_seconds",
  "[ALPHA] Number of seconds after node creation when NodeController finished the initial synchronization of a single node.",
  quadruplings
)
export const runningControllers = gauge(
  "running_managed_controllers",
  "[ALPHA] Indicates where instances of a controller are currently running",
  ["manager", "name"]
)
export const leaderStatus = gauge(
  "leader_election_master_status",
  "[ALPHA] Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
  ["name"]
)
export const leaderSlowPath = counter(
  "leader_election_slowpath_total",
  "[ALPHA] Total number of slow path exercised in renewing leader leases. 'name' is the string used to identify the lease. Please make sure to group by name.",
  ["name"]
)
export const workqueueDepth = gauge("workqueue_depth", "[ALPHA] Current depth of workqueue", ["name"])
export const workqueueAdds = counter("workqueue_adds_total", "[ALPHA] Total number of adds handled by workqueue", [
  "name"
])
export const workqueueRetries = counter(
  "workqueue_retries_total",
  "[ALPHA] Total number of retries handled by workqueue",
  ["name"]
)
export const workqueueQueueDuration = histogram(
  "workqueue_queue_duration_seconds",
  "[ALPHA] How long in seconds an item stays in workqueue before being requested.",
  powersOfTen,
  ["name"]
)
export const workqueueWorkDuration = histogram(
  "workqueue_work_duration_seconds",
  "[ALPHA] How long in seconds processing an item from workqueue takes.",
  powersOfTen,
  ["name"]
)
export const workqueueUnfinishedWork = gauge(
  "workqueue_unfinished_work_seconds",
  "[ALPHA] How many seconds of work has been done that is in progress and hasn't been observed by work_duration.",
  ["name"]
)
export const workqueueLongestRunning = gauge(
  "workqueue_longest_running_processor_seconds",
  "[ALPHA] How many seconds has the longest running processor for workqueue been running.",
  ["name"]
)
export const restClientRequests = counter(
  "rest_client_requests_total",
  "[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.",
  ["code", "method", "host"]
)
export const restClientDuration = histogram(
  "rest_client_request_duration_seconds",
  "[ALPHA] Request latency in seconds. Broken down by verb, and host.",
  callSeconds,
  ["verb", "host"]
)

// Ours.

export const queueDepth = gauge("cloudstack_ccm_queue_depth", "Keys that wait in a queue, by priority.", [
  "queue",
  "priority"
])
export const queueOldestAge = gauge(
  "cloudstack_ccm_queue_oldest_age_seconds",
  "How long the oldest key of a priority has been waiting; 0 when none waits.",
  ["queue", "priority"]
)
export const buildInfo = gauge("cloudstack_ccm_build_info", "Always 1; the labels say which build runs.", [
  "version",
  "node"
])
export const apiCalls = counter(
  "cloudstack_ccm_api_calls_total",
  "Calls sent to CloudStack by command and outcome (`success` or the kind of the error).",
  ["command", "outcome"]
)
export const apiCallDuration = histogram(
  "cloudstack_ccm_api_call_duration_seconds",
  "Time from sending a call to CloudStack until its answer.",
  callSeconds,
  ["command"]
)
export const apiWaiting = gauge("cloudstack_ccm_api_waiting_calls", "Calls that wait for their turn, by priority.", [
  "priority"
])
export const apiThrottled = gauge(
  "cloudstack_ccm_api_throttled",
  "1 while all calls pause because CloudStack answered 429, else 0."
)
export const apiRate = gauge(
  "cloudstack_ccm_api_rate_limit_qps",
  "Calls per second that the client allows itself at present; halves on 429 and recovers."
)
export const apiUp = gauge(
  "cloudstack_ccm_api_up",
  "1 if the last call got an answer from CloudStack, 0 while it is out of reach."
)
export const jobsInFlight = gauge("cloudstack_ccm_jobs_in_flight", "CloudStack jobs that are awaited.")
export const jobDuration = histogram(
  "cloudstack_ccm_job_duration_seconds",
  "Time from submitting a command until its job ended, by command and outcome.",
  jobSeconds,
  ["command", "outcome"]
)
export const routerCommands = counter(
  "cloudstack_ccm_router_commands_total",
  "Commands that made CloudStack push rules to a network's virtual router, by network id.",
  ["network"]
)
export const planSteps = counter(
  "cloudstack_ccm_plan_steps_total",
  "Steps of plans that were carried out, by kind and outcome.",
  ["step", "outcome"]
)
export const driftRepaired = counter(
  "cloudstack_ccm_drift_repaired_total",
  "Steps that a periodic resync had to take although nothing in Kubernetes had changed, by kind.",
  ["step"]
)
export const refusals = counter(
  "cloudstack_ccm_refusals_total",
  "Services that were refused because only a person can put them right, by reason of the Event.",
  ["reason"]
)
export const timeToAddress = histogram(
  "cloudstack_ccm_service_time_to_address_seconds",
  "Time from first seeing a new LoadBalancer Service until its address was published.",
  jobSeconds
)
export const cacheAge = gauge(
  "cloudstack_ccm_cache_age_seconds",
  "Time since the content of a cache was read from its source.",
  ["cache"]
)
export const credentialsValid = gauge(
  "cloudstack_ccm_credentials_valid",
  "1 if CloudStack accepts the key in use, 0 if it answered 401."
)
export const configReloads = counter(
  "cloudstack_ccm_config_reloads_total",
  "Changed configuration files by outcome; `rejected` keeps the old configuration.",
  ["outcome"]
)
export const nodeDeletionPaused = gauge(
  "cloudstack_ccm_node_deletion_paused",
  "1 while the deletion of some Node waits for the limit of deletions, else 0."
)
export const processCpu = counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")
export const processMemory = gauge("process_resident_memory_bytes", "Resident memory size in bytes.")
export const processStart = gauge(
  "process_start_time_seconds",
  "Start time of the process since unix epoch in seconds."
)
export const heapUsed = gauge("nodejs_heap_size_used_bytes", "Process heap size used from Node.js in bytes.")
export const eventLoopUtilisation = gauge(
  "nodejs_eventloop_utilization",
  "Share of the time since start that the event loop was busy, 0 to 1."
)

/** All metrics of the controller. Names and buckets are an interface: dashboards and alerts are built on them. */
import { counter, gauge, histogram } from "./Family.ts"

const powersOfTen = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000]

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
export const queueDepth = gauge("cloudstack_ccm_queue_depth", "Keys that wait in a queue, by priority.", [
  "queue",
  "priority"
])
export const queueOldestAge = gauge(
  "cloudstack_ccm_queue_oldest_age_seconds",
  "How long the oldest key of a priority has been waiting; 0 when none waits.",
  ["queue", "priority"]
)

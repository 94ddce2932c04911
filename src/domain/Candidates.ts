/**
 * Which Nodes may serve a load balancer: upstream's stable set (KEP-3458). Readiness, cordons and
 * `externalTrafficPolicy` play no part; health checks take care of those.
 */

export interface CandidateFields {
  readonly deleting: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly taints: ReadonlyArray<{ readonly key: string }>
}

export const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"
const autoscalerTaint = "ToBeDeletedByClusterAutoscaler"
/** Go's `strconv.ParseBool`, false half. */
const goFalse: ReadonlySet<string> = new Set(["0", "f", "F", "FALSE", "false", "False"])

/** Any value but a false one excludes, the empty one too (kubeadm sets it on control planes). */
export const isExcluded = (labels: Readonly<Record<string, string>>): boolean => {
  const value = labels[excludeLabel]
  return value !== undefined && !goFalse.has(value)
}

export const isCandidate = (node: CandidateFields): boolean =>
  !node.deleting && !isExcluded(node.labels) && !node.taints.some((taint) => taint.key === autoscalerTaint)

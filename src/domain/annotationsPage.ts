/** The reference page of the annotations, printed from the rows that read them. */
import { otherRows, prefix, rows } from "./Annotations.ts"
import { booleanValues } from "./Booleans.ts"
import { selectionAnnotation, selectionMeaning } from "./SelectionFlag.ts"

export const annotationsReference = (): string =>
  [
    "# Annotations",
    "",
    "<!-- Generated from src/domain/Annotations.ts by `npm run docs`. -->",
    "",
    `All begin with \`${prefix}\`. A value that is not understood changes nothing: an existing load balancer keeps what`,
    "it has for that setting, a new Service waits, and an Event `InvalidAnnotation` names the allowed values.",
    "",
    "| suffix | value | meaning |",
    "| --- | --- | --- |",
    ...[...Object.values(rows), ...otherRows].map(
      ({ meaning, suffix, values }) => `| \`${suffix}\` | ${values} | ${meaning} |`
    ),
    "",
    `Without a suffix, \`${selectionAnnotation}\`: ${booleanValues}.`,
    selectionMeaning,
    "",
    "Also read: the standard `service.beta.kubernetes.io/load-balancer-source-ranges`, used where",
    "`spec.loadBalancerSourceRanges` is empty.",
    ""
  ].join("\n")

/** The record on a Node that its VM was seen, and whose it was. Without it the VM's absence is never believed. */
import { Result, Schema } from "effect"
import { type Machine, VmId } from "./Cloud.ts"

/** Annotation on the Node; it outlives restarts and changes of the leader. */
export const seenAnnotation = "cloudstack-ccm/seen-vm"

const SeenVm = Schema.Struct({ vm: VmId, owner: Schema.NonEmptyString, zone: Schema.String })
export interface SeenVm extends Schema.Schema.Type<typeof SeenVm> {}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(SeenVm))

export const encodeSeenVm = ({ id, owner, zone }: Machine): string => JSON.stringify({ vm: id, owner, zone })

/** A record that cannot be read is no record: it is written anew when the VM is seen again. */
export const readSeenVm = (annotations: Readonly<Record<string, string>>): SeenVm | undefined => {
  const text = annotations[seenAnnotation]
  return text === undefined ? undefined : Result.getOrUndefined(decode(text))
}

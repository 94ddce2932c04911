/** Under which name a command answers, and by which name its texts call it. */

const odd: Readonly<Record<string, string>> = {
  createLBStickinessPolicy: "createLBStickinessPolicy",
  deleteLBStickinessPolicy: "deleteLBstickinessrruleresponse",
  updateNetworkACLItem: "createnetworkaclresponse",
  moveNetworkAclItem: "moveNetworkAclItemResponse",
  addIpToNic: "addiptovmnicresponse"
}

export const envelopeOf = (command: string): string => odd[command] ?? `${command.toLowerCase()}response`

/** The envelope without its last eight letters, which the server takes for `response` whatever they are. */
export const shownName = (command: string): string => envelopeOf(command).slice(0, -"response".length)

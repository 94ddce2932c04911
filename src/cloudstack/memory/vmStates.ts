/** Which states of a machine count as what. */
import type { Vm } from "./records.ts"

/** Destroyed machines keep their row and their rules, but take no part in anything until they are recovered. */
export const isAlive = (vm: Vm): boolean => !vm.removed && vm.state !== "Destroyed" && vm.state !== "Expunging"

/** The one class we use of a library with a thousand: named statically, so that the bundle leaves the rest out. */
export { KubeConfig } from "@kubernetes/client-node"

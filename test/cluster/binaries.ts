/** Where the real control plane comes from: `KUBEBUILDER_ASSETS` if set, else built once by Go from `go.mod` beside this file. */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readFile, rename, rm } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

/** Paths of the three programs. */
export interface Binaries {
  readonly etcd: string
  readonly kubeApiserver: string
  readonly kubectl: string
}

/** The programs, or in one line why there are none. */
export type Found = { readonly binaries: Binaries } | { readonly missing: string }

const packages = {
  etcd: "go.etcd.io/etcd/server/v3",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  kubectl: "k8s.io/kubernetes/cmd/kubectl"
} as const

const inDirectory = (directory: string): Binaries => ({
  etcd: join(directory, "etcd"),
  kubeApiserver: join(directory, "kube-apiserver"),
  kubectl: join(directory, "kubectl")
})

const absent = (binaries: Binaries) => Object.values(binaries).filter((path) => !existsSync(path))

/** Finds the programs; `note` hears about a build, which takes minutes the first time. */
export const findBinaries = async (note: (line: string) => void): Promise<Found> => {
  const assets = process.env["KUBEBUILDER_ASSETS"]
  if (assets !== undefined && assets !== "") {
    const binaries = inDirectory(assets)
    const lacking = absent(binaries)
    return lacking.length === 0 ? { binaries } : { missing: `KUBEBUILDER_ASSETS lacks ${lacking.join(", ")}` }
  }
  const modules = import.meta.dirname
  const goMod = await readFile(join(modules, "go.mod"), "utf8")
  const goSum = await readFile(join(modules, "go.sum"), "utf8")
  const key = createHash("sha256").update(goMod).update(goSum).digest("hex").slice(0, 16)
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache")
  const binaries = inDirectory(join(cache, "cloudstack-ccm", `control-plane-${key}`))
  if (absent(binaries).length === 0) return { binaries }
  return build(modules, /k8s\.io\/kubernetes (v\S+)/.exec(goMod)?.[1] ?? "v0.0.0", join(binaries.etcd, ".."), note)
}

const build = async (
  modules: string,
  version: string,
  directory: string,
  note: (line: string) => void
): Promise<Found> => {
  const go = await run("go", ["version"]).catch(() => undefined)
  if (go === undefined) {
    return { missing: "there is neither KUBEBUILDER_ASSETS nor a `go` on the PATH to build etcd and kube-apiserver" }
  }
  note(`building etcd, kube-apiserver and kubectl ${version} with ${go.stdout.trim()}: some minutes, only this once`)
  await mkdir(directory, { recursive: true })
  const ldflags = ["component-base", "client-go"].map((of) => `-X k8s.io/${of}${versionIn[of]}.gitVersion=${version}`)
  for (const [name, path] of Object.entries(packages)) {
    const target = join(directory, name)
    if (existsSync(target)) continue
    // Built beside the target and moved, so that a build cut short leaves nothing that looks complete.
    const partial = `${target}.${process.pid}`
    const args = [
      "build",
      "-mod=readonly",
      "-buildvcs=false",
      "-ldflags",
      `-s -w ${ldflags.join(" ")}`,
      "-o",
      partial,
      path
    ]
    try {
      await run("go", args, { cwd: modules, maxBuffer: 16 * 1024 * 1024 })
      await rename(partial, target)
    } catch (cause) {
      await rm(partial, { force: true })
      const said = cause instanceof Error ? cause.message.split("\n").slice(0, 6).join(" ") : String(cause)
      return { missing: `go could not build ${path}: ${said}` }
    }
    note(`built ${name}`)
  }
  return { binaries: inDirectory(directory) }
}

const versionIn: Readonly<Record<string, string>> = { "component-base": "/version", "client-go": "/pkg/version" }

if (process.argv[1] === import.meta.filename) console.log(await findBinaries((line) => console.error(line)))

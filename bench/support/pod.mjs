/**
 * Loaded before the program: shows it the files of a pod's service account, from the directory that BENCH_ACCOUNT names.
 * Plain JavaScript, because to strip types would cost the program memory that it does not have in an image.
 */
import files from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"

const account = "/var/run/secrets/kubernetes.io/serviceaccount"
const { readFile } = files

files.readFile = (path, ...rest) =>
  readFile(typeof path === "string" ? path.replace(account, process.env.BENCH_ACCOUNT) : path, ...rest)
syncBuiltinESMExports()

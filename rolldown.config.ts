/**
 * Two builds. The minified program for the image: `dist/cloudstack-ccm.mjs`, and beside it what it loads only when asked
 * to; all of it in one file would be read and compiled at every start (117 MiB instead of 97 in a pod, 121 instead of
 * 102 with a kubeconfig). And the library's public face for Node, which strips no types below `node_modules`.
 */
import { defineConfig } from "rolldown"

export default defineConfig([
  {
    input: "src/main.ts",
    platform: "node",
    // It declares nothing about its side effects; a kubeconfig needs one class of it and none of its models.
    treeshake: { moduleSideEffects: [{ test: /@kubernetes\/client-node/, sideEffects: false }] },
    output: {
      dir: "dist",
      cleanDir: true,
      entryFileNames: "cloudstack-ccm.mjs",
      chunkFileNames: "chunks/[name]-[hash].mjs",
      format: "esm",
      minify: true
    }
  },
  {
    input: "src/index.ts",
    platform: "node",
    // An application has its own Effect, and there must be only one.
    external: [/^effect(\/|$)/, /^@effect\//, /^@kubernetes\//, /^undici$/],
    output: { dir: "dist/lib", entryFileNames: "index.mjs", chunkFileNames: "[name]-[hash].mjs", format: "esm" }
  }
])

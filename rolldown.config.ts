/**
 * Two builds. The minified program for the image: `dist/cloudstack-ccm.mjs`, and beside it what it loads only when asked
 * to; all of it in one file would be read and compiled at every start, for 20 MiB. And the library's public face for
 * Node, which strips no types below `node_modules`.
 */
import { fileURLToPath } from "node:url"
import { defineConfig } from "rolldown"

/** Our connections speak HTTP/1.1 only; what undici has for the other loads 4 MiB of Node at every start. */
const withoutHttp2 = {
  name: "without-http2",
  load: {
    filter: { id: /undici\/lib\/dispatcher\/client-h2\.js$/ },
    handler: () => "module.exports = () => { throw new Error('HTTP/2 is not in this bundle') }"
  }
}

export default defineConfig([
  {
    input: "src/main.ts",
    platform: "node",
    resolve: { alias: { undici$: fileURLToPath(new URL("src/undici.mjs", import.meta.url)) } },
    plugins: [withoutHttp2],
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

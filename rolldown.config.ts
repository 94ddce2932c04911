/** One minified file for the image: halves memory and start-up against the unbundled sources. */
import { defineConfig } from "rolldown"

export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  output: {
    file: "dist/cloudstack-ccm.mjs",
    format: "esm",
    minify: true,
    // What a command imports lazily stays lazy: a module in the one file is evaluated only when it is asked for.
    codeSplitting: false
  }
})

import { defineConfig } from "vitest/config"

/**
 * `test` holds everything that needs no Go; `cluster` starts a real kube-apiserver. Each cluster file owns a control
 * plane, so they run one after the other.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/cluster/**"],
          testTimeout: 120_000
        }
      },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          globalSetup: ["test/cluster/globalSetup.ts"],
          testTimeout: 180_000,
          hookTimeout: 900_000,
          fileParallelism: false
        }
      }
    ]
  }
})

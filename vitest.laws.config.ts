import { defineConfig } from "vitest/config";

/** The tests of the ground floor alone: quick enough to run for every mutant. */
export default defineConfig({
  test: {
    include: ["test/{laws,identity,expression,key,plan,run,scheduling,diff,manifest,pipeline}/**/*.test.ts"],
    maxWorkers: 1,
    // Mutants run beside other work, and properties take their time.
    testTimeout: 60_000,
  },
});

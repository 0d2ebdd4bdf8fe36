/** Mutation testing of the ground floor (npm run nightly): a mutant that no test notices is a test that is missing. */
export default {
  testRunner: "vitest",
  mutate: [
    "src/{identity,expression,key,plan,run,scheduling,diff,manifest}/**/*.ts",
    "src/pipeline/{tree,graph,outputs,resolve,match-inputs}.ts",
  ],
  vitest: { configFile: "vitest.laws.config.ts" },
  reporters: ["clear-text", "progress"],
  thresholds: { high: 90, low: 80, break: 80 },
  concurrency: 2,
  tempDirName: ".stryker-tmp",
};

/** Mutation testing of the ground floor (npm run nightly): a mutant that no test notices is a test that is missing. */
export default {
  testRunner: "vitest",
  mutate: [
    "src/{identity,expression,key,plan,run,scheduling,diff,manifest}/**/*.ts",
    "src/pipeline/{tree,graph,outputs,resolve,match-inputs,match-glob,links}.ts",
  ],
  vitest: { configFile: "vitest.laws.config.ts" },
  // TypeScript 7 has no API to rewrite a tsconfig with, and nothing here needs one: types are stripped.
  tsconfigFile: "tsconfig.none.json",
  ignorePatterns: [".ci", "bench", "docs", "examples", "dist"],
  coverageAnalysis: "perTest",
  // What is made once when a file is loaded cannot be mutated test by test: each such mutant would run all of them.
  ignoreStatic: true,
  reporters: ["clear-text", "progress"],
  thresholds: { high: 90, low: 80, break: 80 },
  concurrency: 1,
  tempDirName: ".stryker-tmp",
};

import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What mostly waits (leases, a cluster, kills) goes first, beside what needs the processors, then what takes longest. */
const FIRST = [
  /\/queue\/fair-pool/,
  /\/executor\/slurm/,
  /\/e2e\//,
  /\/queue\/|\/chaos\//,
  /\/web\/|\/executor\/|\/cli\//,
];

function rank({ moduleId }: TestSpecification): number {
  const at = FIRST.findIndex((pattern) => pattern.test(moduleId));
  return at < 0 ? FIRST.length : at;
}

/** Two cores are busy until the end only where nothing long begins late. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/** Whole services, processes and pages: each file has a process of its own. */
const ALONE = "test/{action,bench,chaos,cli,e2e,examples,executor,git,queue,web}/**/*.test.ts";

export default defineConfig({
  test: {
    globalSetup: ["test/whole-run.ts"],
    setupFiles: ["test/setup.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores: half of what the longest files do is wait for leases, limits and steps.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: "alone", include: [ALONE] } },
      // The ground keeps no state, so that many files may share what was loaded: loading took half of their time.
      { extends: true, test: { name: "together", include: ["test/**/*.test.ts"], exclude: [ALONE], isolate: false } },
    ],
  },
});

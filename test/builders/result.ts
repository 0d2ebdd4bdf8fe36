import { parseRunId, type Digest } from "../../src/identity/identity.ts";
import type { OutputRecord, StepResult } from "../../src/key/key-document.ts";

/** A result of a key with outputs of which only identity matters. */
export function resultOf(key: Digest, outputs: readonly Pick<OutputRecord, "path" | "kind" | "digest">[]): StepResult {
  const run = parseRunId("0".repeat(26));
  if (run === undefined) throw new Error("26 zeros are a run id");
  return {
    result: 1,
    key,
    facts: { outputs: outputs.map((output) => ({ ...output, size: 1, files: 1 })), metrics: {} },
    made: {
      run,
      step: "s",
      attempt: 1,
      domain: "local",
      isolation: "workspace",
      network: false,
      secrets: false,
      finishedAt: "2026-01-01T00:00:00Z",
      profile: { wallMs: 1, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" },
      log: null,
    },
  };
}

import { byUtf8 } from "../identity/canonical-json.ts";
import type { StepEnd } from "../run/step-job.ts";

/** Upper bounds of the histograms in seconds: from a step that is hardly there to one of a day. */
const BOUNDS = [0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 86_400];

/** What became of steps whose runs this process took, since it started. */
export interface StepMetrics {
  /** An attempt that was handed out at `handedMs` (ms since 1970) has ended. */
  attempt(end: StepEnd, handedMs: number): void;
  cached(): void;
  /** A step is tried again, because of a failure of this kind. */
  retried(because: string): void;
  lines(): readonly string[];
}

export function createStepMetrics(): StepMetrics {
  const attempts = new Map<string, number>();
  const retries = new Map<string, number>();
  const wait = histogram("sluice_step_queue_seconds", "Time from an attempt's leave to begin to its beginning.");
  const run = histogram("sluice_step_run_seconds", "Time that an attempt's processes took.");
  let hits = 0;
  return {
    attempt(end, handedMs) {
      count(attempts, end.kind === "failed" ? end.failure.kind : end.kind);
      if (end.attempt === null || end.attempt.profile.method === "none") return;
      // Clocks of machines differ.
      wait.add(Math.max(0, Date.parse(end.attempt.startedAt) - handedMs) / 1_000);
      run.add(end.attempt.profile.wallMs / 1_000);
    },
    cached: () => void hits++,
    retried: (because) => count(retries, because),
    lines: () => [
      ...counter("sluice_step_attempts_total", "Attempts of steps, by how they ended.", { label: "end", of: attempts }),
      ...counter("sluice_step_retries_total", "Attempts that follow a failure, by its kind.", {
        label: "because",
        of: retries,
      }),
      "# HELP sluice_step_cache_hits_total Steps that were not computed, because their result was there.",
      "# TYPE sluice_step_cache_hits_total counter",
      `sluice_step_cache_hits_total ${hits}`,
      ...wait.lines(),
      ...run.lines(),
    ],
  };
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function counter(
  name: string,
  help: string,
  { label, of }: { readonly label: string; readonly of: ReadonlyMap<string, number> },
): readonly string[] {
  const rows = [...of].sort(([a], [b]) => byUtf8(a, b)).map(([value, n]) => `${name}{${label}="${value}"} ${n}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...rows];
}

function histogram(name: string, help: string): { add(seconds: number): void; lines(): readonly string[] } {
  const buckets = BOUNDS.map(() => 0);
  let all = 0;
  let sum = 0;
  return {
    add(seconds) {
      all++;
      sum += seconds;
      for (const [at, bound] of BOUNDS.entries()) if (seconds <= bound) buckets[at] = (buckets[at] ?? 0) + 1;
    },
    lines: () => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} histogram`,
      ...BOUNDS.map((bound, at) => `${name}_bucket{le="${bound}"} ${buckets[at] ?? 0}`),
      `${name}_bucket{le="+Inf"} ${all}`,
      `${name}_sum ${sum}`,
      `${name}_count ${all}`,
    ],
  };
}

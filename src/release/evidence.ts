import type { Json } from "../identity/canonical-json.ts";
import { digestOfJson, type Digest } from "../identity/identity.ts";
import type { Release } from "./release.ts";

/** What one gate says of a candidate, as people are shown it. */
export interface GateOutcome {
  readonly source: string;
  readonly outcome: "passed" | "failed" | "unknown" | "not-applicable";
  readonly why: string;
  /** What would make it hold, where that is known. */
  readonly next?: string;
}

/** What people are shown and agree to. Time is no part of it: an approval does not die because a day has passed. */
export interface Evidence {
  readonly environment: string;
  readonly candidate: Release;
  readonly live: Release | null;
  readonly gates: readonly GateOutcome[];
  /** Digest of the pin that the promotion replaces; null: there is none. */
  readonly base: Digest | null;
  /** Digest of `sluice.yaml` on the default branch; null: there is none. */
  readonly settings: Digest | null;
  /** Of the environment's deploy pipeline: its file and its plan with what that reads; null: it has none. */
  readonly deploy: Digest | null;
}

/**
 * What approvals are bound to (SEMANTICS §11): it changes with the candidate, the live release, the gates' outcomes, the
 * pin's base, `sluice.yaml` and the deploy pipeline, and with no other commit of the default branch.
 */
export function evidenceDigest({ environment, candidate, live, gates, base, settings, deploy }: Evidence): Digest {
  return digestOfJson({
    evidence: 1,
    environment,
    candidate: named(candidate),
    live: live === null ? null : named(live),
    gates: gates.map(({ source, outcome }) => [source, outcome]),
    base,
    settings,
    deploy,
  });
}

/** The manifest's digest stands for everything that the run says. */
function named({ pipeline, run, source, manifest }: Release): Json {
  return { pipeline, run, source, manifest };
}

import type { RunId } from "../identity/identity.ts";

/** A local run that was accepted and is not recorded yet. */
export interface AcceptedRun {
  readonly id: RunId;
  readonly pipeline: string;
  readonly request: string;
  readonly source: string;
  readonly plan: string;
  readonly startedAt: string;
}

/** Accepted local runs (`.sluice/runs/<id>`): what must still end in exactly one manifest (SEMANTICS §6). */
export interface AcceptedRuns {
  list(): readonly AcceptedRun[];
  accept(run: AcceptedRun): void;
  /** After the manifest is recorded. */
  remove(id: RunId): void;
  /** The process that holds the lock, without taking it; undefined when nobody does. */
  holder(): number | undefined;
  /** One `sluice run` at a time in a repository; refused with the process that holds it. */
  lock(): { readonly kind: "locked"; readonly release: () => void } | { readonly kind: "held"; readonly pid: number };
}

import type { RepositoryRef } from "../../identity/repository.ts";
import type { RunOrder } from "../../run/request.ts";

/** Table of the runs that a service has in hand. */
export const LIVE = "live";

/** A run that a service has in hand, as its queue shows it until the run is recorded. */
export interface LiveRun {
  readonly repository: string;
  readonly pipeline: string;
  readonly pullRequest: number | null;
  /** RFC 3339 UTC. */
  readonly acceptedAt: string;
  /** ms since 1970; null while it waits for its turn. */
  readonly began: number | null;
  readonly done: number;
  readonly total: number;
  /** Names of its steps; empty while they are not known. */
  readonly steps: readonly string[];
  /** Where its attempts go. */
  readonly pools: readonly string[];
}

/** Of an accepted run that nobody has begun yet. */
export function waitingRun(repository: RepositoryRef, order: RunOrder): LiveRun {
  const { pipeline, pullRequest, acceptedAt } = order;
  const { fullName } = repository;
  return {
    repository: fullName,
    pipeline,
    pullRequest,
    acceptedAt,
    began: null,
    done: 0,
    total: 0,
    steps: [],
    pools: [],
  };
}

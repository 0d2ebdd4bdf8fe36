import type { RunId } from "../identity/identity.ts";
import type { LiveRun } from "../report/run-live.ts";
import type { Repository } from "./world.ts";

/** How far a run under way is, as its process writes it down for `sluice status`; disposable. */
export interface LiveState {
  readonly version: 1;
  readonly run: string;
  readonly pid: number;
  readonly done: number;
  readonly total: number;
  readonly cached: number;
  /** `since` in milliseconds since 1970. */
  readonly running: readonly { readonly step: string; readonly since: number; readonly attempt: number }[];
}

const NAME = "live.json";

export function writeLiveState(repository: Repository, run: RunId, live: LiveRun): void {
  const { done, total, cached } = live;
  const running = live.running.map(({ step, since, attempt }) => ({ step, since, attempt }));
  const state: LiveState = { version: 1, run, pid: process.pid, done, total, cached, running };
  repository.writeCache(NAME, JSON.stringify(state));
}

/** The last thing a run's process wrote down; undefined for a run too short to have done so. */
export function readLiveState(repository: Repository, run: RunId): LiveState | undefined {
  const text = repository.readCache(NAME);
  if (text === undefined) return undefined;
  try {
    const state = JSON.parse(text) as LiveState;
    return state.version === 1 && state.run === run ? state : undefined;
  } catch {
    return undefined;
  }
}

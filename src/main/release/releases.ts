import type { Project } from "../../controller/project.ts";
import type { History } from "../../index/history.ts";
import { foldEvents, type EnvironmentState } from "../../release/environment-state.ts";
import { eventMemory } from "../../release/event-memory.ts";
import type { ReleaseEvent } from "../../release/release-event.ts";
import { NO_RENAMES, renamesOf, type Renames } from "../../release/renames.ts";

/** What a repository's ledger says of its environments; only what one of our keys signed counts. */
export interface Releases {
  events(): Promise<readonly ReleaseEvent[]>;
  /** By the environment's name. */
  states(): Promise<ReadonlyMap<string, EnvironmentState>>;
}

/** The same, where pipelines go by what they are called in a project: what was done under their earlier ids is theirs. */
export function releasesOf(releases: Releases, { pipelines }: Pick<Project, "pipelines">): Releases {
  const renames = renamesOf(pipelines.map(({ pipeline }) => pipeline));
  if (renames.size === 0) return releases;
  const events = (): Promise<readonly ReleaseEvent[]> => releases.events();
  return { events, states: foldedOnce(events, renames) };
}

/** Read through the index of a ledger; `keys` by their ids. */
export function openReleases(
  history: Pick<History, "sync" | "events">,
  { keys, repository }: { readonly keys: ReadonlyMap<string, string>; readonly repository: string },
): Releases {
  const counted = eventMemory(keys, repository);
  const events = async (): Promise<readonly ReleaseEvent[]> => {
    await history.sync();
    return counted(history.events());
  };
  return { events, states: foldedOnce(events, NO_RENAMES) };
}

/** As long as nothing came, the events are the very same ones. */
function foldedOnce(events: Releases["events"], renames: Renames): Releases["states"] {
  let last: {
    readonly events: readonly ReleaseEvent[];
    readonly states: ReadonlyMap<string, EnvironmentState>;
  } | null = null;
  return async () => {
    const now = await events();
    if (last?.events !== now) last = { events: now, states: foldEvents(now, renames) };
    return last.states;
  };
}

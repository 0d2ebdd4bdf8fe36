import type { History } from "../../index/history.ts";
import { foldEvents, type EnvironmentState } from "../../release/environment-state.ts";
import { eventMemory } from "../../release/event-memory.ts";
import type { ReleaseEvent } from "../../release/release-event.ts";

/** What a repository's ledger says of its environments; only what one of our keys signed counts. */
export interface Releases {
  events(): Promise<readonly ReleaseEvent[]>;
  /** By the environment's name. */
  states(): Promise<ReadonlyMap<string, EnvironmentState>>;
}

/** Read through the index of a ledger; `keys` by their ids. */
export function openReleases(
  history: Pick<History, "sync" | "events">,
  { keys, repository }: { readonly keys: ReadonlyMap<string, string>; readonly repository: string },
): Releases {
  const counted = eventMemory(keys, repository);
  let last: {
    readonly events: readonly ReleaseEvent[];
    readonly states: ReadonlyMap<string, EnvironmentState>;
  } | null = null;
  const events = async (): Promise<readonly ReleaseEvent[]> => {
    await history.sync();
    return counted(history.events());
  };
  return {
    events,
    async states() {
      const now = await events();
      // As long as nothing came, the events are the very same ones.
      if (last?.events !== now) last = { events: now, states: foldEvents(now) };
      return last.states;
    },
  };
}

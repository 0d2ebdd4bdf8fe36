import { randomUUID } from "node:crypto";

import type { Json } from "../identity/canonical-json.ts";
import type { RunId } from "../identity/identity.ts";
import type { Queue, Table } from "./queue.ts";

/** Who wants to read along, by `<run>.<who>`; the value counts beats. */
const FOLLOWED = "followed";
const BEAT_MS = 2_000;
const LOOK_MS = 1_000;
/** Who has not been heard of for so long reads no more. */
const SILENT_MS = 10_000;

/** Where what a run's steps write is told while somebody reads along. */
export function followTopic(run: string): string {
  return `follow.${run}`;
}

/** What is told to whoever follows a run. */
export type Told =
  /** A piece of a step's log, without secrets. */
  | { readonly kind: "text"; readonly step: string; readonly attempt: number; readonly text: string }
  /** A step that will not be performed again; `log` names what is kept of its last attempt. */
  | { readonly kind: "ended"; readonly step: string; readonly outcome: string; readonly log: string | null };

export function parseTold(body: Json): Told | undefined {
  const told = body as Partial<Told> | null;
  return told?.kind === "text" || told?.kind === "ended" ? (told as Told) : undefined;
}

/** Says every 2 s that somebody reads along, until it is closed. */
export async function follow(
  table: Table,
  run: RunId,
  onError: (error: unknown) => void,
): Promise<{ close(): Promise<void> }> {
  const key = `${run}.${randomUUID()}`;
  let beats = 0;
  const beat = (): Promise<void> => table.put(FOLLOWED, key, beats++);
  await beat();
  let under = Promise.resolve();
  const timer = setInterval(() => {
    under = beat().catch(onError);
  }, BEAT_MS).unref();
  return {
    async close() {
      clearInterval(timer);
      await under;
      await table.remove(FOLLOWED, key);
    },
  };
}

export interface Followers {
  /** Whether somebody reads along, as far as the last second knows. */
  of(run: RunId): boolean;
  close(): Promise<void>;
}

/** Looks every second who reads along; forgets those who fell silent, and what was told to them alone. */
export function watchFollowers(
  { table, bus }: Pick<Queue, "table" | "bus">,
  { open, onError }: { readonly open: (run: string) => Promise<boolean>; readonly onError: (error: unknown) => void },
): Followers {
  const heard = new Map<string, { readonly beats: Json; readonly at: number }>();
  let followed = new Set<string>();

  async function forget(key: string, run: string): Promise<void> {
    await table.remove(FOLLOWED, key);
    heard.delete(key);
    if (!(await open(run))) await bus.drop(followTopic(run));
  }

  async function look(): Promise<void> {
    const there = new Set<string>();
    const now = performance.now();
    for (const { key, value } of await table.entries(FOLLOWED)) {
      const run = key.slice(0, key.indexOf("."));
      const last = heard.get(key);
      if (last?.beats !== value) heard.set(key, { beats: value, at: now });
      else if (now - last.at > SILENT_MS) {
        await forget(key, run);
        continue;
      }
      there.add(run);
    }
    followed = there;
  }

  let looking: Promise<void> | undefined;
  const quietly = (): void => {
    looking ??= look()
      .catch(onError)
      .finally(() => (looking = undefined));
  };
  const timer = setInterval(quietly, LOOK_MS).unref();
  quietly();
  return {
    of: (run) => followed.has(run),
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}

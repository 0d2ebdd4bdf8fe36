import { randomUUID } from "node:crypto";

import type { Json } from "../identity/canonical-json.ts";
import { withSeen } from "../scheduling/capacity.ts";
import type { Room } from "../scheduling/queued-step.ts";
import { pausedSince } from "./pool-pause.ts";
import type { Table } from "./queue.ts";

/** A worker as the others see it. */
export interface WorkerNotice {
  /** Steps at once; none while it could only fail them. */
  readonly slots: number;
  readonly room: Room;
  readonly version: string;
  readonly host: string;
  readonly pid: number;
  /** What it performs, as of its last word. */
  readonly underWay?: readonly UnderWay[];
}

/** An attempt with its worker; `since` in ms since 1970 by that machine's clock. */
export interface UnderWay {
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
  readonly since: number;
}

/** What a pool can take at the moment. */
export interface Offer {
  readonly paused: boolean;
  readonly slots: number;
  readonly room: Room;
  /** Of each worker: a step runs on one of them. */
  readonly rooms: readonly Room[];
}

/** Workers of one pool, as far as they have been heard of lately. */
export interface Workers {
  /** Those that are there now, by their ids. */
  readonly here: ReadonlyMap<string, WorkerNotice>;
  /** The largest that any of them has offered since this process began to look; none before the first. */
  readonly largest: readonly Room[];
  /** What they offer together. */
  offer(): Offer;
  close(): Promise<void>;
}

const BEAT_MS = 2_000;
const LOOK_MS = 1_000;
/** Who has not been heard of for so long is not counted on any more. */
const SILENT_MS = 10_000;

function register(pool: string): string {
  return `workers.${pool}`;
}

/** Says every 2 s that a worker is there, until it is closed. */
export async function announceWorker(
  table: Table,
  pool: string,
  notice: WorkerNotice,
  onError: (error: unknown) => void,
): Promise<{ close(): Promise<void> }> {
  const id = randomUUID();
  let beats = 0;
  // A count, not a time: clocks of machines differ.
  const beat = (): Promise<void> => table.put(register(pool), id, { ...notice, beats: beats++ } as unknown as Json);
  await beat();
  let under = Promise.resolve();
  const timer = setInterval(() => {
    under = beat().catch(onError);
  }, BEAT_MS).unref();
  return {
    async close() {
      clearInterval(timer);
      await under;
      await table.remove(register(pool), id).catch(onError);
    },
  };
}

/** Looks every second who is there; `changed` is told when slots or room are not what they were. */
export function watchWorkers(
  table: Table,
  pool: string,
  told: { readonly changed: (workers: Workers) => void; readonly onError: (error: unknown) => void },
): Workers {
  const heard = new Map<string, { readonly said: string; readonly at: number }>();
  const here = new Map<string, WorkerNotice>();
  let largest: readonly Room[] = [];
  let before = "";
  let paused = false;

  async function look(): Promise<void> {
    const [entries, since] = await Promise.all([table.entries(register(pool)), pausedSince(table, pool)]);
    paused = since !== undefined;
    const now = performance.now();
    here.clear();
    for (const { key, value } of entries) {
      const notice = parseNotice(value);
      if (notice === undefined) continue;
      const said = JSON.stringify(value);
      const last = heard.get(key);
      if (last?.said !== said) heard.set(key, { said, at: now });
      else if (now - last.at > SILENT_MS) {
        await table.remove(register(pool), key, value);
        heard.delete(key);
        continue;
      }
      here.set(key, notice);
      largest = withSeen(largest, notice.room);
    }
    const after = JSON.stringify([paused, ...[...here].map(([id, { slots, room }]) => [id, slots, room])]);
    if (after !== before) told.changed(workers);
    before = after;
  }

  let looking: Promise<void> | undefined;
  const quietly = (): void => {
    looking ??= look()
      .catch(told.onError)
      .finally(() => (looking = undefined));
  };
  const timer = setInterval(quietly, LOOK_MS).unref();
  const workers: Workers = {
    here,
    get largest() {
      return largest;
    },
    offer() {
      const ready = [...here.values()].filter(({ slots }) => slots > 0);
      return { paused, ...together(ready), rooms: ready.map(({ room }) => room) };
    },
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
  quietly();
  return workers;
}

function parseNotice(value: Json): WorkerNotice | undefined {
  const notice = value as unknown as Partial<WorkerNotice> | null;
  if (typeof notice?.slots !== "number" || typeof notice.room?.memoryBytes !== "number") return undefined;
  const { slots, room, version = "?", host = "?", pid = 0, underWay = [] } = notice;
  return {
    slots,
    room: { cpu: room.cpu, memoryBytes: room.memoryBytes, gpus: room.gpus },
    version,
    host,
    pid,
    underWay,
  };
}

/** Who has announced itself, the lately dead included. */
export async function listWorkers(table: Table, pool: string): Promise<readonly WorkerNotice[]> {
  return (await table.entries(register(pool))).flatMap(({ value }) => parseNotice(value) ?? []);
}

function together(workers: Iterable<WorkerNotice>): { readonly slots: number; readonly room: Room } {
  let slots = 0;
  const room = { cpu: 0, memoryBytes: 0, gpus: 0 };
  for (const worker of workers) {
    slots += worker.slots;
    room.cpu += worker.room.cpu;
    room.memoryBytes += worker.room.memoryBytes;
    room.gpus += worker.room.gpus;
  }
  return { slots, room };
}

import type { Json } from "../identity/canonical-json.ts";
import { poolBacklog, type PoolBacklog } from "./pool-backlog.ts";
import type { Consumer, Lease, Performed, Queue, QueuedJob } from "./queue.ts";
import { parseTurns, SAY_AGAIN, turnsQueue, turnsTopic, type TurnsMessage } from "./turns-messages.ts";
import type { Offer } from "./workers.ts";

export interface SeatOptions {
  readonly queue: Queue;
  readonly pool: string;
  /** Names this process for people. */
  readonly holder: string;
  readonly onError: (error: unknown) => void;
  /** After so long without a word (ms) a session of another process is given up; they speak every 3 s. */
  readonly silentMs?: number;
  /** Gives a turn to a session of this process. */
  readonly grantHere: (session: string, id: string) => void;
  readonly isHere: (session: string) => boolean;
  /** The backlog is held by somebody else now, or here: it knows nothing yet. */
  readonly moved: () => void;
}

/** The one backlog of a pool: held here, in another process, or by nobody at the moment. */
export interface Seat extends AsyncDisposable {
  kind(): "here" | "elsewhere" | "unknown";
  /** Of the holder elsewhere. */
  fence(): number | undefined;
  /** False when it is not held here. */
  take(session: string, message: TurnsMessage): boolean;
  close(session: string): void;
  resize(offer: Offer): void;
  /** Undefined when it is not held here. */
  counts(): { readonly waiting: number; readonly out: number } | undefined;
}

const LEASE_MS = 5_000;
const LOOK_MS = 1_000;
const SILENT_MS = 12_000;

interface Held {
  readonly lease: Lease;
  readonly backlog: PoolBacklog;
  /** Sessions of other processes, and when they spoke last. */
  readonly heard: Map<string, number>;
  /** Sessions that were given up because nothing came from them; all that they had said is forgotten. */
  readonly givenUp: Set<string>;
  consumer: Consumer | undefined;
}

/** Tries for the lease every second; whoever has it keeps the backlog, and rebuilds it from what sessions say. */
export function poolSeat(options: SeatOptions): Seat {
  const { queue, pool, onError } = options;
  const name = `turns-${pool}`;
  let held: Held | undefined;
  let elsewhere: number | undefined;
  let offer: Offer = { paused: false, slots: 0, room: { cpu: 0, memoryBytes: 0, gpus: 0 }, rooms: [] };
  let closed = false;
  let granted = 0;

  function grant(session: string, id: string, fence: number): void {
    if (options.isHere(session)) options.grantHere(session, id);
    // Each grant is a message of its own: a turn that was given back is given again.
    else void publish(session, { id: `${fence}.${granted++}`, body: id });
  }

  /** A grant that got lost would keep a slot empty. */
  async function publish(session: string, message: { readonly id: string; readonly body: Json }): Promise<void> {
    while (held?.heard.has(session) === true) {
      try {
        await queue.bus.publish(turnsTopic(session), [message]);
        return;
      } catch (error) {
        onError(error);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS).unref());
      }
    }
  }

  async function hold(lease: Lease): Promise<void> {
    const mine: Held = {
      lease,
      backlog: poolBacklog((session, id) => grant(session, id, lease.fence)),
      heard: new Map(),
      givenUp: new Set(),
      consumer: undefined,
    };
    held = mine;
    elsewhere = undefined;
    mine.backlog.resize(offer);
    lease.lost.addEventListener("abort", () => void leave(mine).catch(onError), { once: true });
    options.moved();
    mine.consumer = await queue.jobs.consume(turnsQueue(pool), {
      concurrency: 1,
      perform: (job) => Promise.resolve(hear(mine, job)),
      onError: (_job, error) => onError(error),
    });
    if (held !== mine) await mine.consumer.close({ force: true });
  }

  function hear({ backlog, heard, givenUp, lease }: Held, job: QueuedJob): Performed {
    const message = parseTurns(job.payload);
    if (message?.fence !== lease.fence) return { kind: "done" };
    const { session } = message;
    if (message.closed) {
      heard.delete(session);
      givenUp.delete(session);
      backlog.close(session);
      // A grant may have come after its session had dropped it.
      void queue.bus.drop(turnsTopic(session)).catch(onError);
      return { kind: "done" };
    }
    heard.set(session, performance.now());
    // It was there all the time, and it was we who did not hear: what it waits for it has said already.
    if (givenUp.delete(session)) void publish(session, { id: `${lease.fence}.${granted++}`, body: SAY_AGAIN });
    backlog.take(session, message, Date.now());
    return { kind: "done" };
  }

  async function leave(left: Held): Promise<void> {
    if (held === left) held = undefined;
    await left.consumer?.close({ force: true });
  }

  async function look(): Promise<void> {
    if (held !== undefined) return dropSilent(held);
    const lease = await queue.leases.acquire(name, { ttlMs: LEASE_MS, holder: options.holder });
    if (lease !== undefined) {
      if (closed) return lease.release();
      return hold(lease);
    }
    const holder = await queue.leases.holder(name);
    if (holder === undefined || holder.fence === elsewhere) return;
    elsewhere = holder.fence;
    options.moved();
  }

  function dropSilent({ backlog, heard, givenUp }: Held): void {
    for (const [session, at] of heard) {
      if (performance.now() - at < (options.silentMs ?? SILENT_MS)) continue;
      heard.delete(session);
      givenUp.add(session);
      backlog.close(session);
    }
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
    kind: () => (held !== undefined ? "here" : elsewhere === undefined ? "unknown" : "elsewhere"),
    fence: () => (held === undefined ? elsewhere : undefined),
    take(session, message) {
      held?.backlog.take(session, message, Date.now());
      return held !== undefined;
    },
    close: (session) => held?.backlog.close(session),
    resize(offered) {
      offer = offered;
      held?.backlog.resize(offered);
    },
    counts: () => (held === undefined ? undefined : { waiting: held.backlog.waiting, out: held.backlog.out }),
    async [Symbol.asyncDispose]() {
      closed = true;
      clearInterval(timer);
      await looking;
      const left = held;
      if (left === undefined) return;
      await leave(left);
      await left.lease.release();
    },
  };
}

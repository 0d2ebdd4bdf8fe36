import { randomUUID } from "node:crypto";

import type { Json } from "../identity/canonical-json.ts";
import type { QueuedStep, Room } from "../scheduling/queued-step.ts";
import { poolSeat, type Seat } from "./pool-seat.ts";
import type { Queue } from "./queue.ts";
import { SAY_AGAIN, turnsQueue, turnsTopic, type AddressedTurns, type TurnsMessage } from "./turns-messages.ts";
import { watchWorkers, type Workers } from "./workers.ts";

/** A run's place in the backlog of a pool. */
export interface Turns {
  submit(step: QueuedStep): void;
  /** Nobody wants it any more; nothing happens when its turn was given already. */
  withdraw(id: string): void;
  /** What had its turn has ended. */
  ended(id: string): void;
  close(): Promise<void>;
}

/** The fair backlog of a pool as every controller reaches it, whichever of them holds it now. */
export interface FairPool extends AsyncDisposable {
  /** `grant` is told whose turn it is, at least once each. */
  open(grant: (id: string) => void): Turns;
  readonly workers: Workers;
  /** The largest rooms that workers have offered; none while none has been seen. */
  readonly largest: readonly Room[];
  /** Waiting and given out, where this process holds the backlog. */
  counts(): { readonly waiting: number; readonly out: number } | undefined;
}

export interface FairPoolOptions {
  readonly queue: Queue;
  readonly pool: string;
  readonly holder: string;
  readonly onError: (error: unknown) => void;
  /** After so long without a word (ms) a session of another process is given up; they speak every 3 s. */
  readonly silentMs?: number;
}

interface Session {
  readonly id: string;
  /** Submitted and not ended: said again to a new holder. */
  readonly open: Map<string, QueuedStep>;
  /** Those of them that had their turn. */
  readonly out: Set<string>;
  readonly grant: (id: string) => void;
  submit: QueuedStep[];
  running: QueuedStep[];
  withdraw: string[];
  ended: string[];
  sending: boolean;
  /** Whether it has said its last. */
  closed: boolean;
  /** Of another process the backlog hears one message after the other: one that overtakes ends what has not begun yet. */
  sent: Promise<void>;
  listening: Promise<{ close(): Promise<void> }> | undefined;
}

const ALIVE_MS = 3_000;
const AGAIN_MS = 500;

/**
 * Joins a pool: one of all controllers holds its backlog under a lease, the others speak to it through the queue. When the
 * holder dies another takes the lease within 6 s, and every session says again what it still waits for.
 */
export function fairPool(options: FairPoolOptions): FairPool {
  const { queue, pool, onError } = options;
  const sessions = new Map<string, Session>();
  let closed = false;
  let sent = 0;

  const seat: Seat = poolSeat({
    ...options,
    grantHere: (session, id) => granted(sessions.get(session), id),
    isHere: (session) => sessions.has(session),
    moved() {
      for (const session of sessions.values()) {
        // Whoever has it now never heard of what is over.
        [session.withdraw, session.ended] = [[], []];
        sayAll(session);
      }
    },
  });
  const workers = watchWorkers(queue.table, pool, {
    changed: (all) => seat.resize(all.offer()),
    onError,
  });
  const alive = setInterval(() => {
    if (seat.kind() === "elsewhere") for (const session of sessions.values()) void send(session).catch(onError);
  }, ALIVE_MS).unref();

  function granted(session: Session | undefined, id: string): void {
    if (session?.open.has(id) === true) session.out.add(id);
    session?.grant(id);
  }

  function sayAll(session: Session): void {
    const all = [...session.open.values()];
    session.submit = all.filter(({ id }) => !session.out.has(id));
    session.running = all.filter(({ id }) => session.out.has(id));
    flush(session);
  }

  /** Everything of one turn of the event loop in one message. */
  function flush(session: Session): void {
    if (session.sending || seat.kind() === "unknown") return;
    session.sending = true;
    setImmediate(() => {
      session.sending = false;
      void send(session).catch(onError);
    });
  }

  async function send(session: Session, last = false): Promise<void> {
    if (session.closed) return;
    session.closed = last;
    const { submit, running, withdraw, ended } = session;
    const message: TurnsMessage = { submit, running, withdraw, ended };
    [session.submit, session.running, session.withdraw, session.ended] = [[], [], [], []];
    if (seat.take(session.id, message)) return;
    const fence = seat.fence();
    if (fence === undefined) return;
    session.sent = session.sent.then(() => deliver(session, { fence, session: session.id, closed: last, ...message }));
    await session.sent;
  }

  async function deliver(session: Session, message: AddressedTurns): Promise<void> {
    const { fence } = message;
    session.listening ??= listen(session);
    await session.listening;
    const payload = message as unknown as Json;
    const job = { id: `${session.id}-${sent++}`, payload, once: true as const };
    while (!closed && seat.fence() === fence) {
      try {
        await queue.jobs.add(turnsQueue(pool), [job]);
        return;
      } catch (error) {
        onError(error);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
      }
    }
  }

  function listen(session: Session): Promise<{ close(): Promise<void> }> {
    return queue.bus.subscribe(turnsTopic(session.id), ({ body }) => {
      if (body === SAY_AGAIN) sayAll(session);
      else if (typeof body === "string") granted(session, body);
    });
  }

  return {
    workers,
    get largest() {
      return workers.largest;
    },
    counts: () => seat.counts(),
    open(grant) {
      const id = randomUUID();
      const session: Session = {
        id,
        open: new Map(),
        out: new Set(),
        grant,
        submit: [],
        running: [],
        withdraw: [],
        ended: [],
        sending: false,
        closed: false,
        sent: Promise.resolve(),
        listening: undefined,
      };
      sessions.set(id, session);
      return {
        submit(step) {
          session.open.set(step.id, step);
          session.submit.push(step);
          flush(session);
        },
        withdraw(step) {
          session.open.delete(step);
          session.withdraw.push(step);
          flush(session);
        },
        ended(step) {
          session.open.delete(step);
          session.out.delete(step);
          session.running = session.running.filter((running) => running.id !== step);
          session.ended.push(step);
          flush(session);
        },
        async close() {
          session.ended.push(...session.open.keys());
          session.open.clear();
          await send(session, true);
          sessions.delete(id);
          seat.close(id);
          const listening = await session.listening;
          await listening?.close();
          if (listening !== undefined) await queue.bus.drop(turnsTopic(id));
        },
      };
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      clearInterval(alive);
      await workers.close();
      await seat[Symbol.asyncDispose]();
    },
  };
}

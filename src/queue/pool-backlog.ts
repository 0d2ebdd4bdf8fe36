import { createFairShare } from "../scheduling/fair-share.ts";
import type { QueuedStep, Room } from "../scheduling/queued-step.ts";
import { within, withRoom } from "../scheduling/room.ts";
import type { TurnsMessage } from "./turns-messages.ts";
import type { Offer } from "./workers.ts";

/** The fair backlog of one pool, in the hands of whoever holds its lease; everything in it can be said again. */
export interface PoolBacklog {
  readonly waiting: number;
  /** Given out and not ended. */
  readonly out: number;
  /** Repeating anything changes nothing; `now` in ms. */
  take(session: string, message: TurnsMessage, now: number): void;
  /** A session that is over: what it waited for is nobody's any more. */
  close(session: string): void;
  /** What the pool's workers offer together, and whether any of it is to be taken. */
  resize(offer: Offer): void;
}

interface Turn {
  session: string;
  readonly step: QueuedStep;
  out: boolean;
}

/** One more than there are slots, so that the next step is there when a slot gets free. */
const AHEAD = 1;

/** Gives turns to sessions by fair share: at most free slots + 1 at once, and only what finds room. */
export function poolBacklog(grant: (session: string, id: string) => void): PoolBacklog {
  const share = createFairShare();
  const turns = new Map<string, Turn>();
  let offer: Offer = { paused: false, slots: 0, room: { cpu: 0, memoryBytes: 0, gpus: 0 }, rooms: [] };
  const taken: { slots: number; room: Room } = { slots: 0, room: { cpu: 0, memoryBytes: 0, gpus: 0 } };

  function count({ demand }: QueuedStep, sign: 1 | -1): void {
    taken.slots += sign;
    taken.room = withRoom(taken.room, demand, sign);
  }

  function fill(): void {
    while (!offer.paused && taken.slots < offer.slots + AHEAD) {
      const step = share.take(withRoom(offer.room, taken.room, -1), (demand) =>
        offer.rooms.some((room) => within(demand, room)),
      );
      const turn = step === undefined ? undefined : turns.get(step.id);
      if (step === undefined || turn === undefined) return;
      turn.out = true;
      count(step, 1);
      grant(turn.session, step.id);
    }
  }

  function submit(session: string, step: QueuedStep, now: number): void {
    const known = turns.get(step.id);
    if (known === undefined) {
      turns.set(step.id, { session, step, out: false });
      share.add(step, now);
      return;
    }
    // Its coordinator began anew: what was told to the one before is told again.
    known.session = session;
    if (known.out) grant(session, step.id);
  }

  function resume(session: string, step: QueuedStep): void {
    const known = turns.get(step.id);
    if (known !== undefined) {
      known.session = session;
      return;
    }
    turns.set(step.id, { session, step, out: true });
    share.running(step);
    count(step, 1);
  }

  function end(session: string, id: string): void {
    const turn = turns.get(id);
    if (turn === undefined || turn.session !== session) return;
    turns.delete(id);
    if (!turn.out) {
      share.remove(id);
      return;
    }
    count(turn.step, -1);
    share.ended(turn.step);
  }

  return {
    get waiting() {
      return share.size;
    },
    get out() {
      return taken.slots;
    },
    take(session, message, now) {
      for (const id of message.ended) end(session, id);
      for (const id of message.withdraw) if (turns.get(id)?.out !== true) end(session, id);
      for (const step of message.running) resume(session, step);
      for (const step of message.submit) submit(session, step, now);
      fill();
    },
    close(session) {
      for (const [id, turn] of turns) if (turn.session === session) end(session, id);
      fill();
    },
    resize(offered) {
      offer = offered;
      fill();
    },
  };
}

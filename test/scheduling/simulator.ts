import { createFairShare } from "../../src/scheduling/fair-share.ts";
import { heapOf } from "../../src/scheduling/heap.ts";
import type { QueuedStep, Room } from "../../src/scheduling/queued-step.ts";

export interface Arrival {
  /** Ms. */
  readonly at: number;
  readonly step: QueuedStep;
  /** How long it will run, which the scheduler does not know. */
  readonly lasts: number;
}

export interface Simulated {
  readonly step: QueuedStep;
  readonly arrived: number;
  readonly started: number;
  readonly ended: number;
}

interface Event {
  readonly at: number;
  readonly seq: number;
  readonly happens: () => void;
}

/** A pool with so many slots and so much room, fed by arrivals: the scheduler of the service, on a clock of its own. */
export function simulate(
  arrivals: readonly Arrival[],
  { slots, room }: { readonly slots: number; readonly room: Room },
): readonly Simulated[] {
  const share = createFairShare();
  const events = heapOf<Event>((a, b) => a.at - b.at || a.seq - b.seq);
  const done: Simulated[] = [];
  const known = new Map<string, Arrival>();
  let seq = 0;
  let freeSlots = slots;
  let free = room;
  let now = 0;

  function fill(): void {
    while (freeSlots > 0) {
      const step = share.take(free);
      const arrival = step === undefined ? undefined : known.get(step.id);
      if (step === undefined || arrival === undefined) return;
      freeSlots--;
      free = less(free, step.demand);
      if (free.cpu < 0 || free.memoryBytes < 0 || free.gpus < 0) throw new Error(`no room for ${step.id}`);
      const started = now;
      done.push({ step, arrived: arrival.at, started, ended: started + arrival.lasts });
      events.push({ at: started + arrival.lasts, seq: seq++, happens: () => ended(step) });
    }
  }

  function ended(step: QueuedStep): void {
    share.ended(step);
    freeSlots++;
    free = less(free, { cpu: -step.demand.cpu, memoryBytes: -step.demand.memoryBytes, gpus: -step.demand.gpus });
  }

  for (const arrival of arrivals) {
    known.set(arrival.step.id, arrival);
    events.push({ at: arrival.at, seq: seq++, happens: () => share.add(arrival.step, now) });
  }
  for (let event = events.pop(); event !== undefined; event = events.pop()) {
    now = event.at;
    event.happens();
    if (events.first()?.at !== now) fill();
  }
  return done;
}

function less(room: Room, taken: Room): Room {
  return {
    cpu: room.cpu - taken.cpu,
    memoryBytes: room.memoryBytes - taken.memoryBytes,
    gpus: room.gpus - taken.gpus,
  };
}

/** (Σx)² ÷ n·Σx²: 1 when all are equal, 1/n when one has everything. */
export function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  return sum ** 2 / (values.length * values.reduce((a, b) => a + b * b, 0));
}

/** Ms of slots that a flow had between two moments. */
export function served(all: readonly Simulated[], flow: string, from: number, to: number): number {
  return all
    .filter(({ step }) => step.flow === flow)
    .reduce((sum, { started, ended }) => sum + Math.max(0, Math.min(ended, to) - Math.max(started, from)), 0);
}

let steps = 0;

export function queued(flow: string, more: Partial<QueuedStep> = {}): QueuedStep {
  return {
    id: `${flow}-${++steps}`,
    flow,
    weight: 1,
    cost: 1_000,
    priority: 0,
    path: 0,
    demand: { cpu: 0, memoryBytes: 0, gpus: 0 },
    limits: [],
    ...more,
  };
}

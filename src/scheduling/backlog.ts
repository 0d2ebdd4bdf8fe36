import { heapOf, type Heap } from "./heap.ts";

/** What a ready step asks of the machine, and how urgent it is. */
export interface Demand {
  readonly name: string;
  /** Larger first; a person's `priority:` comes before the critical path. */
  readonly priority: number;
  /** Length of the critical path from here, in milliseconds. */
  readonly path: number;
  readonly memoryBytes: number;
  readonly gpus: number;
}

export interface Capacity {
  readonly memoryBytes: number;
  readonly gpus: number;
}

interface Waiting {
  readonly demand: Demand;
  passedOver: number;
}

/** How often smaller steps may overtake one that does not fit before the machine is kept free for it. */
const PATIENCE = 16;

/** Steps that may start, most urgent first; `take` gives the first one that fits. */
export interface Backlog {
  add(demand: Demand): void;
  /** Removes and returns the most urgent step that fits in `free`; undefined when none may start now. */
  take(free: Capacity): Demand | undefined;
}

/** Critical path first, with a bound on overtaking so that a large step cannot starve. */
export function createBacklog(): Backlog {
  const heap = heapOf(byUrgency);
  return {
    add: (demand) => heap.push({ demand, passedOver: 0 }),
    take: (free) => take(heap, free),
  };
}

function take(heap: Heap<Waiting>, free: Capacity): Demand | undefined {
  const aside: Waiting[] = [];
  let taken: Demand | undefined;
  for (let first = heap.pop(); first !== undefined; first = heap.pop()) {
    if (first.demand.memoryBytes <= free.memoryBytes && first.demand.gpus <= free.gpus) {
      taken = first.demand;
      break;
    }
    aside.push(first);
    if (first.passedOver >= PATIENCE) break;
  }
  for (const waiting of aside) {
    if (taken !== undefined) waiting.passedOver++;
    heap.push(waiting);
  }
  return taken;
}

function byUrgency(a: Waiting, b: Waiting): number {
  if (a.demand.priority !== b.demand.priority) return b.demand.priority - a.demand.priority;
  if (a.demand.path !== b.demand.path) return b.demand.path - a.demand.path;
  // Two steps of one run never have one name.
  return a.demand.name < b.demand.name ? -1 : 1;
}

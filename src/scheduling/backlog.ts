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
  readonly size: number;
  add(demand: Demand): void;
  /** Removes and returns the most urgent step that fits in `free`; undefined when none may start now. */
  take(free: Capacity): Demand | undefined;
  /** Removes and returns everything that waits. */
  drain(): readonly Demand[];
}

/** Critical path first, with a bound on overtaking so that a large step cannot starve. */
export function createBacklog(): Backlog {
  const heap: Waiting[] = [];
  return {
    get size() {
      return heap.length;
    },
    add: (demand) => push(heap, { demand, passedOver: 0 }),
    take: (free) => take(heap, free),
    drain: () =>
      heap
        .splice(0)
        .sort(byUrgency)
        .map((waiting) => waiting.demand),
  };
}

function take(heap: Waiting[], free: Capacity): Demand | undefined {
  const aside: Waiting[] = [];
  let taken: Demand | undefined;
  for (let first = pop(heap); first !== undefined; first = pop(heap)) {
    if (first.demand.memoryBytes <= free.memoryBytes && first.demand.gpus <= free.gpus) {
      taken = first.demand;
      break;
    }
    aside.push(first);
    if (first.passedOver >= PATIENCE) break;
  }
  for (const waiting of aside) {
    if (taken !== undefined) waiting.passedOver++;
    push(heap, waiting);
  }
  return taken;
}

function byUrgency(a: Waiting, b: Waiting): number {
  if (a.demand.priority !== b.demand.priority) return b.demand.priority - a.demand.priority;
  if (a.demand.path !== b.demand.path) return b.demand.path - a.demand.path;
  return a.demand.name < b.demand.name ? -1 : a.demand.name > b.demand.name ? 1 : 0;
}

function push(heap: Waiting[], waiting: Waiting): void {
  let child = heap.length;
  heap.push(waiting);
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!swapIfLess(heap, child, parent)) return;
    child = parent;
  }
}

function pop(heap: Waiting[]): Waiting | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  heap[0] = last;
  let parent = 0;
  for (;;) {
    const left = 2 * parent + 1;
    const right = left + 1;
    const child = right < heap.length && isLess(heap, right, left) ? right : left;
    if (child >= heap.length || !swapIfLess(heap, child, parent)) return first;
    parent = child;
  }
}

function isLess(heap: readonly Waiting[], a: number, b: number): boolean {
  const x = heap[a];
  const y = heap[b];
  return x !== undefined && y !== undefined && byUrgency(x, y) < 0;
}

function swapIfLess(heap: Waiting[], child: number, parent: number): boolean {
  const x = heap[child];
  const y = heap[parent];
  if (x === undefined || y === undefined || byUrgency(x, y) >= 0) return false;
  heap[child] = y;
  heap[parent] = x;
  return true;
}

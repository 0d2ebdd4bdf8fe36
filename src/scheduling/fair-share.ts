import { heapOf, type Heap } from "./heap.ts";
import type { Limit, QueuedStep, Room } from "./queued-step.ts";

/** Steps of many pipelines that wait for the slots of one pool; see docs/scheduling.md for what it promises. */
export interface FairShare {
  readonly size: number;
  /** `now` in ms, from any clock that does not run backwards; a known id changes nothing. */
  add(step: QueuedStep, now: number): void;
  /** Takes a step out that nobody wants any more; false when it does not wait. */
  remove(id: string): boolean;
  /**
   * Whose turn it is among the steps that fit into `free`; it counts as running until `ended`. What is not `possible`
   * on any machine that is there waits for another one, and keeps no room from the rest.
   */
  take(free: Room, possible?: (demand: Room) => boolean): QueuedStep | undefined;
  /** A step runs that was taken before this backlog began: it counts for its limits until `ended`. */
  running(step: QueuedStep): void;
  /** A step that was taken runs no more. */
  ended(step: QueuedStep): void;
}

/** One point of `priority` is worth a minute of waiting: whatever waits gets its turn (aging). */
const PRIORITY_MS = 60_000;
/** How often a step whose turn it is may be passed over by ones that fit before room is kept for it. */
export const PATIENCE = 16;

interface Waiting {
  readonly step: QueuedStep;
  readonly kind: Kind;
  /** Smaller first. */
  readonly due: number;
  readonly seq: number;
  removed: boolean;
}

/** A flow's steps that ask for the same: one of them fits where any does. */
interface Kind {
  readonly flow: Flow;
  readonly lane: Lane;
  readonly limits: readonly Limit[];
  readonly waiting: Heap<Waiting>;
  live: number;
  /** Offers of an older version are void. */
  version: number;
}

interface Flow {
  readonly name: string;
  weight: number;
  /** Start tag of its next step, in ms of its own slot (start-time fair queueing, Goyal et al. 1996). */
  tag: number;
  readonly kinds: Map<string, Kind>;
}

interface Offer {
  readonly kind: Kind;
  readonly version: number;
  readonly tag: number;
  readonly head: Waiting;
}

/** All kinds with one demand. */
interface Lane {
  readonly demand: Room;
  readonly offers: Heap<Offer>;
  passedOver: number;
}

interface Pool {
  readonly lanes: Map<string, Lane>;
  readonly flows: Map<string, Flow>;
  readonly byId: Map<string, Waiting>;
  readonly running: Map<string, number>;
  /** Kinds that a limit keeps from running, by its key. */
  readonly parked: Map<string, Set<Kind>>;
  /** Start tag of what was taken last: who comes back after a pause starts here, without arrears. */
  virtual: number;
  seq: number;
  /** Steps that run. */
  taken: number;
  sweepAt: number;
  /** Whose demand room is kept for. */
  reserved: Lane | undefined;
}

/** Weighted fair queueing over flows, earliest due first within a flow, room kept for what is too large to fit in between. */
export function createFairShare(): FairShare {
  const pool: Pool = {
    lanes: new Map(),
    flows: new Map(),
    byId: new Map(),
    running: new Map(),
    parked: new Map(),
    virtual: 0,
    seq: 0,
    taken: 0,
    sweepAt: REMEMBERED,
    reserved: undefined,
  };
  return {
    get size() {
      return pool.byId.size;
    },
    add: (step, now) => add(pool, step, now),
    remove: (id) => remove(pool, id),
    take: (free, possible = () => true) => take(pool, free, possible),
    running: (step) => began(pool, step),
    ended: (step) => ended(pool, step),
  };
}

function add(pool: Pool, step: QueuedStep, now: number): void {
  if (pool.byId.has(step.id)) return;
  const flow = flowOf(pool, step);
  const kind = kindOf(pool, flow, step);
  const due = now - step.priority * PRIORITY_MS - step.path;
  const waiting = { step, kind, due, seq: pool.seq++, removed: false };
  pool.byId.set(step.id, waiting);
  kind.live++;
  kind.waiting.push(waiting);
  if (kind.waiting.first() === waiting) offer(kind);
}

/** Flows without steps that are remembered, because they have had more than their turn, before one looks which still need be. */
const REMEMBERED = 256;

function flowOf(pool: Pool, { flow: name, weight }: QueuedStep): Flow {
  let flow = pool.flows.get(name);
  if (flow === undefined) {
    if (pool.flows.size >= pool.sweepAt) sweep(pool);
    flow = { name, weight, tag: pool.virtual, kinds: new Map() };
    pool.flows.set(name, flow);
  }
  // Nobody saves up turns with nothing waiting, or with only what a limit holds back.
  if ([...flow.kinds.values()].every((kind) => isParked(pool, kind))) flow.tag = Math.max(flow.tag, pool.virtual);
  flow.weight = weight;
  return flow;
}

function sweep(pool: Pool): void {
  for (const [name, { kinds, tag }] of pool.flows) if (kinds.size === 0 && tag <= pool.virtual) pool.flows.delete(name);
  pool.sweepAt = 2 * pool.flows.size + REMEMBERED;
}

function kindOf(pool: Pool, flow: Flow, { demand, limits }: QueuedStep): Kind {
  const asks = `${demand.cpu} ${demand.memoryBytes} ${demand.gpus}`;
  const name = `${asks} ${JSON.stringify(limits)}`;
  let kind = flow.kinds.get(name);
  if (kind !== undefined) return kind;
  let lane = pool.lanes.get(asks);
  if (lane === undefined) {
    lane = { demand, offers: heapOf(byTurn), passedOver: 0 };
    pool.lanes.set(asks, lane);
  }
  kind = { flow, lane, limits, waiting: heapOf(byDue), live: 0, version: 0 };
  flow.kinds.set(name, kind);
  return kind;
}

function byDue(a: Waiting, b: Waiting): number {
  return a.due - b.due || a.seq - b.seq;
}

function byTurn(a: Offer, b: Offer): number {
  return a.tag - b.tag || byDue(a.head, b.head);
}

/** Puts a kind where its flow's turn is. */
function offer(kind: Kind): void {
  const head = kind.waiting.first();
  kind.version++;
  if (head !== undefined) kind.lane.offers.push({ kind, version: kind.version, tag: kind.flow.tag, head });
}

/** Where a flow's turn has moved, that of all its kinds has: else a later step of one would overtake an earlier one of another. */
function offerAll(pool: Pool, flow: Flow): void {
  for (const kind of flow.kinds.values()) if (!isParked(pool, kind)) offer(kind);
}

function remove(pool: Pool, id: string): boolean {
  const waiting = pool.byId.get(id);
  if (waiting === undefined) return false;
  pool.byId.delete(id);
  waiting.removed = true;
  waiting.kind.live--;
  settle(pool, waiting.kind);
  return true;
}

/** After its first step may have gone: what was removed is dropped, and an empty kind is forgotten. */
function settle(pool: Pool, kind: Kind): void {
  const before = kind.waiting.first();
  while (kind.waiting.first()?.removed === true) kind.waiting.pop();
  if (kind.live === 0) forget(pool, kind);
  else if (kind.waiting.first() !== before && !isParked(pool, kind)) offer(kind);
}

function forget(pool: Pool, kind: Kind): void {
  kind.version++;
  for (const [name, other] of kind.flow.kinds) if (other === kind) kind.flow.kinds.delete(name);
  for (const { key } of kind.limits) pool.parked.get(key)?.delete(kind);
}

function isParked(pool: Pool, kind: Kind): boolean {
  return kind.limits.some(({ key }) => pool.parked.get(key)?.has(kind) === true);
}

function take(pool: Pool, free: Room, possible: (demand: Room) => boolean): QueuedStep | undefined {
  const turns = turnsOf(pool, possible);
  const kept = pool.reserved;
  let best: Offer | undefined;
  for (const first of turns) {
    const { lane } = first.kind;
    if (!fits(lane.demand, free)) continue;
    if (lane === kept) return start(pool, first.kind);
    if (kept !== undefined && takesFrom(lane.demand, free, kept.demand)) continue;
    if (best === undefined || byTurn(first, best) < 0) best = first;
  }
  if (best === undefined) return undefined;
  for (const passed of turns.sort(byTurn)) {
    if (passed === best) break;
    if (!fits(passed.kind.lane.demand, free)) passOver(pool, passed.kind.lane);
  }
  return start(pool, best.kind);
}

/** Whose turn it is in each lane that some machine could run; for the other lanes no room is kept any more. */
function turnsOf(pool: Pool, possible: (demand: Room) => boolean): Offer[] {
  const turns: Offer[] = [];
  for (const [name, lane] of pool.lanes) {
    const first = firstOffer(pool, lane);
    if (first !== undefined && possible(lane.demand)) turns.push(first);
    else release(pool, lane);
    if (first === undefined && !isUsed(pool, lane)) pool.lanes.delete(name);
  }
  return turns;
}

/** Whose turn it is in a lane; kinds whose limit is reached wait beside it until a step with that limit ends. */
function firstOffer(pool: Pool, { offers }: Lane): Offer | undefined {
  for (let first = offers.first(); first !== undefined; first = offers.first()) {
    if (first.version !== first.kind.version) {
      offers.pop();
      continue;
    }
    const reached = first.kind.limits.find(({ key, most }) => (pool.running.get(key) ?? 0) >= most);
    if (reached === undefined) return first;
    offers.pop();
    park(pool, first.kind, reached.key);
  }
  return undefined;
}

function park(pool: Pool, kind: Kind, key: string): void {
  const parked = pool.parked.get(key);
  if (parked === undefined) pool.parked.set(key, new Set([kind]));
  else parked.add(kind);
}

/** Whether kinds of a lane are parked, and will be offered in it again. */
function isUsed(pool: Pool, lane: Lane): boolean {
  for (const kinds of pool.parked.values()) for (const kind of kinds) if (kind.lane === lane) return true;
  return false;
}

function fits(demand: Room, free: Room): boolean {
  return demand.cpu <= free.cpu && demand.memoryBytes <= free.memoryBytes && demand.gpus <= free.gpus;
}

/** Whether a step would take what is kept for a larger one. */
function takesFrom(demand: Room, free: Room, kept: Room): boolean {
  const takes = (wanted: number, there: number, keep: number): boolean => wanted > 0 && there - wanted < keep;
  return (
    takes(demand.cpu, free.cpu, kept.cpu) ||
    takes(demand.memoryBytes, free.memoryBytes, kept.memoryBytes) ||
    takes(demand.gpus, free.gpus, kept.gpus)
  );
}

/** No room is kept for a lane any more. */
function release(pool: Pool, lane: Lane): void {
  lane.passedOver = 0;
  if (pool.reserved === lane) pool.reserved = undefined;
}

function passOver(pool: Pool, lane: Lane): void {
  lane.passedOver++;
  if (lane.passedOver >= PATIENCE) pool.reserved ??= lane;
}

function start(pool: Pool, kind: Kind): QueuedStep {
  const waiting = kind.waiting.pop();
  if (waiting === undefined) throw new Error("taking a step: its kind is empty");
  const { step } = waiting;
  const { flow } = kind;
  pool.byId.delete(step.id);
  kind.live--;
  release(pool, kind.lane);
  pool.virtual = Math.max(pool.virtual, flow.tag);
  flow.tag += step.cost / flow.weight;
  began(pool, step);
  while (kind.waiting.first()?.removed === true) kind.waiting.pop();
  if (kind.live === 0) forget(pool, kind);
  offerAll(pool, flow);
  return step;
}

function began(pool: Pool, { limits }: QueuedStep): void {
  pool.taken++;
  for (const { key } of limits) pool.running.set(key, (pool.running.get(key) ?? 0) + 1);
}

function ended(pool: Pool, step: QueuedStep): void {
  pool.taken--;
  // Nothing waits and nothing runs: nobody has had more than others.
  if (pool.taken === 0 && pool.byId.size === 0) pool.flows.clear();
  for (const { key } of step.limits) {
    const left = (pool.running.get(key) ?? 1) - 1;
    if (left > 0) pool.running.set(key, left);
    else pool.running.delete(key);
    const parked = pool.parked.get(key);
    pool.parked.delete(key);
    for (const flow of new Set([...(parked ?? [])].map((kind) => kind.flow))) {
      // A limit of its own is no credit against others.
      flow.tag = Math.max(flow.tag, pool.virtual);
      offerAll(pool, flow);
    }
  }
}

import type { FairShare } from "../../src/scheduling/fair-share.ts";
import type { Limit, QueuedStep, Room } from "../../src/scheduling/queued-step.ts";

interface Waiting {
  readonly step: QueuedStep;
  readonly due: number;
  readonly seq: number;
}

interface Passed {
  readonly demand: Room;
  times: number;
}

/**
 * What docs/scheduling.md says of fair share, done by looking at everything that waits each time: slow, and short enough
 * to be read beside that page.
 */
export function plainFairShare(): FairShare {
  let waiting: readonly Waiting[] = [];
  let running: readonly QueuedStep[] = [];
  const tags = new Map<string, number>();
  const weights = new Map<string, number>();
  const passedOver = new Map<string, Passed>();
  let kept: Room | undefined;
  let virtual = 0;
  let seq = 0;

  const tagOf = (flow: string): number => tags.get(flow) ?? virtual;
  const catchUp = (flow: string): unknown => tags.set(flow, Math.max(tagOf(flow), virtual));
  const turn = (a: Waiting, b: Waiting): number =>
    tagOf(a.step.flow) - tagOf(b.step.flow) || a.due - b.due || a.seq - b.seq;
  const isReached = (key: string, most: number): boolean =>
    running.filter(({ limits }) => limits.some((limit) => limit.key === key)).length >= most;
  const isHeldBack = ({ limits }: QueuedStep): boolean => limits.some(({ key, most }) => isReached(key, most));

  function forget(demand: Room): void {
    passedOver.delete(nameOf(demand));
    if (kept !== undefined && nameOf(kept) === nameOf(demand)) kept = undefined;
  }

  function start(one: Waiting): QueuedStep {
    const { step } = one;
    waiting = waiting.filter((other) => other !== one);
    forget(step.demand);
    virtual = Math.max(virtual, tagOf(step.flow));
    tags.set(step.flow, tagOf(step.flow) + step.cost / (weights.get(step.flow) ?? step.weight));
    running = [...running, step];
    return step;
  }

  function take(free: Room, possible: (demand: Room) => boolean = () => true): QueuedStep | undefined {
    const inTurn = waiting.filter(({ step }) => !isHeldBack(step) && possible(step.demand)).toSorted(turn);
    const wanted = new Set(inTurn.map(({ step }) => nameOf(step.demand)));
    for (const { demand } of passedOver.values()) if (!wanted.has(nameOf(demand))) forget(demand);
    const fitting = inTurn.filter(({ step }) => within(step.demand, free));
    const room = kept;
    const large = room && fitting.find(({ step }) => nameOf(step.demand) === nameOf(room));
    if (large !== undefined) return start(large);
    const next = fitting.find(({ step }) => room === undefined || !lacks(room, free, step.demand));
    if (next === undefined) return undefined;
    const before = inTurn.slice(0, inTurn.indexOf(next)).filter(({ step }) => !within(step.demand, free));
    for (const demand of new Map(before.map(({ step }) => [nameOf(step.demand), step.demand])).values()) {
      const passed = passedOver.get(nameOf(demand)) ?? { demand, times: 0 };
      passedOver.set(nameOf(demand), passed);
      if (++passed.times >= 16) kept ??= demand;
    }
    return start(next);
  }

  return {
    get size() {
      return waiting.length;
    },
    add(step, now) {
      if (waiting.some((one) => one.step.id === step.id)) return;
      if (!waiting.some((one) => one.step.flow === step.flow && !isHeldBack(one.step))) catchUp(step.flow);
      weights.set(step.flow, step.weight);
      waiting = [...waiting, { step, due: now - step.priority * 60_000 - step.path, seq: seq++ }];
    },
    remove(id) {
      const left = waiting.filter(({ step }) => step.id !== id);
      const found = left.length < waiting.length;
      waiting = left;
      return found;
    },
    take,
    running(step) {
      running = [...running, step];
    },
    ended(step) {
      // Who waited for a limit has no credit against others.
      const shared = ({ key, most }: Limit): boolean =>
        isReached(key, most) && step.limits.some((limit) => limit.key === key);
      for (const one of waiting) if (one.step.limits.some(shared)) catchUp(one.step.flow);
      running = running.filter((other) => other.id !== step.id);
      if (running.length === 0 && waiting.length === 0) tags.clear();
    },
  };
}

function nameOf({ cpu, memoryBytes, gpus }: Room): string {
  return `${cpu} ${memoryBytes} ${gpus}`;
}

function within(demand: Room, free: Room): boolean {
  return demand.cpu <= free.cpu && demand.memoryBytes <= free.memoryBytes && demand.gpus <= free.gpus;
}

/** Whether a large step would lack something of what is free, were this one to start. */
function lacks(large: Room, free: Room, demand: Room): boolean {
  return (["cpu", "memoryBytes", "gpus"] as const).some(
    (part) => demand[part] > 0 && free[part] - demand[part] < large[part],
  );
}

/** A step as the run's state machine sees it. */
export interface Stage {
  readonly name: string;
  /** Names of steps that must succeed before. */
  readonly after: readonly string[];
}

export type StageState =
  | { readonly kind: "blocked"; waiting: number }
  | { readonly kind: "ready" }
  | { readonly kind: "running" }
  | { readonly kind: "succeeded" }
  | { readonly kind: "failed" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "withheld" }
  | { readonly kind: "not-started"; readonly because: string };

export type RunEvent =
  | { readonly kind: "started"; readonly step: string }
  | { readonly kind: "succeeded"; readonly step: string }
  /** Done, but nothing may follow: a gate said no. */
  | { readonly kind: "stopped"; readonly step: string }
  | { readonly kind: "failed"; readonly step: string }
  | { readonly kind: "cancelled"; readonly step: string }
  | { readonly kind: "withheld"; readonly step: string };

/** How far a run has got; made by `beginRun`, changed by `advance` only. */
export interface RunState {
  readonly stages: ReadonlyMap<string, StageState>;
  /** Steps that are neither ended nor excluded. */
  readonly open: number;
}

interface Progress {
  readonly stages: Map<string, StageState>;
  readonly followers: ReadonlyMap<string, readonly string[]>;
  open: number;
}

const progressOf = new WeakMap<RunState, Progress>();

/** A run in which nothing has happened yet, and the steps that may start at once. */
export function beginRun(steps: readonly Stage[]): { readonly state: RunState; readonly ready: readonly string[] } {
  const followers = new Map<string, string[]>();
  const stages = new Map<string, StageState>();
  const ready: string[] = [];
  for (const step of steps) {
    for (const before of step.after) {
      const list = followers.get(before);
      if (list === undefined) followers.set(before, [step.name]);
      else list.push(step.name);
    }
    if (step.after.length === 0) {
      ready.push(step.name);
      stages.set(step.name, { kind: "ready" });
    } else stages.set(step.name, { kind: "blocked", waiting: step.after.length });
  }
  const progress: Progress = { stages, followers, open: steps.length };
  const state: RunState = {
    stages,
    get open() {
      return progress.open;
    },
  };
  progressOf.set(state, progress);
  return { state, ready };
}

/**
 * Takes one event and answers which steps become ready and which can never start:
 * O(out-degree) for a success, O(descendants) for anything that stops what follows.
 * An event for a step that has ended already changes nothing, so a doubled message is harmless.
 */
export function advance(
  state: RunState,
  event: RunEvent,
): { readonly ready: readonly string[]; readonly excluded: readonly string[] } {
  const progress = progressOf.get(state);
  const stage = progress?.stages.get(event.step);
  if (progress === undefined || stage === undefined) throw new Error(`advancing a run: no step ${event.step}`);
  if (isOver(stage)) return { ready: [], excluded: [] };
  if (event.kind === "started") {
    progress.stages.set(event.step, { kind: "running" });
    return { ready: [], excluded: [] };
  }
  progress.open--;
  progress.stages.set(event.step, { kind: event.kind === "stopped" ? "succeeded" : event.kind });
  if (event.kind === "succeeded") return { ready: release(progress, event.step), excluded: [] };
  return { ready: [], excluded: exclude(progress, event) };
}

export function isOver(stage: StageState): boolean {
  return stage.kind !== "blocked" && stage.kind !== "ready" && stage.kind !== "running";
}

function release(progress: Progress, done: string): string[] {
  const ready: string[] = [];
  for (const follower of progress.followers.get(done) ?? []) {
    const stage = progress.stages.get(follower);
    if (stage?.kind !== "blocked") continue;
    stage.waiting--;
    if (stage.waiting > 0) continue;
    progress.stages.set(follower, { kind: "ready" });
    ready.push(follower);
  }
  return ready;
}

/** What follows a step that was left out on purpose is left out with it; after anything else it was not started. */
function exclude(progress: Progress, { kind, step }: RunEvent): string[] {
  const excluded: string[] = [];
  const todo = [...(progress.followers.get(step) ?? [])];
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const stage = progress.stages.get(name);
    if (stage === undefined || isOver(stage) || stage.kind === "running") continue;
    progress.stages.set(name, kind === "withheld" ? { kind } : { kind: "not-started", because: step });
    progress.open--;
    excluded.push(name);
    todo.push(...(progress.followers.get(name) ?? []));
  }
  return excluded.sort();
}

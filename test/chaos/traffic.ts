import { paramsFile, PIPELINES, type PipelineName } from "./steps.ts";
import type { Town } from "./town.ts";

/** People who open pull requests, ask for runs there and merge. */
export interface Traffic {
  /** The next thing that somebody does. */
  next(): Promise<void>;
  /** Parameters that were merged last: what the newest push run of each pipeline must have had. */
  readonly merged: ReadonlyMap<PipelineName, number>;
}

export function traffic({ forge }: Town): Traffic {
  const open = new Map<PipelineName, { readonly pull: number; readonly value: number }>();
  const merged = new Map<PipelineName, number>(PIPELINES.map((name) => [name, 1]));
  let turn = 0;
  let opened = 0;

  async function openPull(pipeline: PipelineName): Promise<void> {
    opened++;
    // Every second change is one that another pipeline has too: then both need the same results at once.
    const value = 2 + (opened >> 1);
    const files = paramsFile(pipeline, value);
    const { pull } = await forge.ask({ kind: "open", branch: `${pipeline}-${opened}`, files }, "opened");
    open.set(pipeline, { pull, value });
    await forge.ask({ kind: "say", pull, body: "/sluice run" }, "done");
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    merged,
    next() {
      const mine = last.then(act, act);
      last = mine;
      return mine;
    },
  };

  async function act(): Promise<void> {
    const pipeline = PIPELINES[turn++ % PIPELINES.length];
    if (pipeline === undefined) throw new Error("unreachable: there are pipelines");
    const there = open.get(pipeline);
    if (there === undefined) return openPull(pipeline);
    open.delete(pipeline);
    const { commit } = await forge.ask({ kind: "merge", pull: there.pull }, "merged");
    if (commit !== null) merged.set(pipeline, there.value);
  }
}

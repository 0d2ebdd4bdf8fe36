import type { History } from "../../index/history.ts";
import { isOfBranch } from "../../run/due-upstream.ts";
import type { OutputPin } from "../../run/request.ts";

/** How many successful runs are looked through: an output that none of them has was taken away long ago. */
const RUNS = 20;

/** What another pipeline wrote at a path, in its newest successful run of a branch that has it. */
export async function newestOutput(
  history: History,
  branch: string,
  { pipeline, path }: { readonly pipeline: string; readonly path: string },
): Promise<OutputPin | undefined> {
  const all = history.runs({ pipeline });
  const mine = all.filter(
    (run) => run.status === "succeeded" && isOfBranch(run, branch, (id) => all.find((one) => one.id === id)),
  );
  for (const { id } of mine.slice(0, RUNS)) {
    const record = await history.readable(id);
    for (const { outcome } of record?.steps ?? []) {
      if (outcome.kind !== "succeeded" && outcome.kind !== "cached") continue;
      const output = outcome.facts.outputs.find((one) => one.path === path);
      if (output !== undefined) return { run: id, entry: output.kind, digest: output.digest, size: output.size };
    }
  }
  return undefined;
}

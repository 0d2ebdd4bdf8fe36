import type { Pipeline } from "../pipeline/pipeline.ts";

/** What pipelines are called now, by the ids that they had before (`was:`, SEMANTICS §1). */
export type Renames = ReadonlyMap<string, string>;

export const NO_RENAMES: Renames = new Map();

/** What the pipelines of one commit say of their earlier ids; an id that one of them still bears is that one's own. */
export function renamesOf(pipelines: readonly Pick<Pipeline, "id" | "was">[]): Renames {
  const own = new Set(pipelines.map(({ id }) => id));
  const renames = new Map<string, string>();
  for (const { id, was } of pipelines)
    for (const before of was) if (!own.has(before) && !renames.has(before)) renames.set(before, id);
  return renames;
}

import { gitIn, newestPushRuns, openRuns } from "./git.ts";
import { paramsFile, PIPELINES, type PipelineName } from "./steps.ts";
import type { Town } from "./town.ts";

/** Whether nothing is left to do: no run is open, no step lives, and what was merged last has run in every pipeline. */
export async function isQuiet(town: Town, merged: ReadonlyMap<PipelineName, number>): Promise<boolean> {
  if (town.steps.alive().length > 0 || (await openRuns(town.bare)) > 0) return false;
  const newest = await newestPushRuns(town.bare);
  const ran = await Promise.all(
    PIPELINES.map(async (name) => {
      const source = newest.get(name);
      const [file = "", text = ""] = Object.entries(paramsFile(name, merged.get(name) ?? 0))[0] ?? [];
      return source !== undefined && (await gitIn(town.bare, "show", `${source}:${file}`)) === text;
    }),
  );
  return ran.every(Boolean);
}

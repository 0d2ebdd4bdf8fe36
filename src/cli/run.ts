import { openRepository } from "./open-repository.ts";
import type { RunFlags } from "./runnable.ts";
import { nothingToDo, provenUpToDate, requestOf } from "./up-to-date.ts";
import type { World } from "./world.ts";

/** `sluice run`: plans, executes what has no result, records; nothing to do is said and records nothing. */
export async function run(world: World, names: readonly string[], flags: RunFlags): Promise<number> {
  const plain = flags.force.length === 0 && flags.param.length === 0 && flags.withEffects !== true;
  const request = requestOf(names, flags.checkout);
  const repository = await openRepository(world);
  if (plain && repository.accepted.list().length === 0) {
    const found = await provenUpToDate(world, repository, request);
    if (found !== undefined) return nothingToDo(world, found);
  }
  const { planAndRun } = await import("./plan-and-run.ts");
  return planAndRun(world, repository, { names, flags, plain, request });
}

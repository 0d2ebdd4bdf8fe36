import { EXIT } from "./exit.ts";
import { openRepository } from "./open-repository.ts";
import { isPlain, type PlanFlags } from "./plan-flags.ts";
import { rememberedPlan } from "./remembered-plan.ts";
import type { World } from "./world.ts";

/** `sluice plan`: what would run and why; the last one again where it would come out the same. */
export async function plan(world: World, names: readonly string[], flags: PlanFlags): Promise<number> {
  const repository = await openRepository(world);
  const known = isPlain(flags) ? await rememberedPlan(world, repository, names) : undefined;
  if (known === undefined) {
    const { makePlan } = await import("./make-plan.ts");
    return makePlan(world, repository, { names, flags });
  }
  world.terminal.print(known.text);
  return flags.detailedExitcode === true && known.work ? EXIT.pending : EXIT.fine;
}

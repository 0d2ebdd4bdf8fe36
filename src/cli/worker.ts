import { EXIT, Refusal } from "./exit.ts";
import { notStarted, openService } from "./serve.ts";
import type { World } from "./world.ts";

/** `sluice worker`: takes steps of one pool from the queue, until it is stopped. */
export async function worker(
  world: World,
  flags: { readonly pool: string; readonly concurrency?: string },
): Promise<number> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(flags.pool)) {
    throw new Refusal(
      EXIT.usage,
      "a pool is named by letters, digits, `-` and `_`\n  next: sluice worker --pool default",
    );
  }
  const concurrency = flags.concurrency === undefined ? null : Number(flags.concurrency);
  if (concurrency !== null && !(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 1_000)) {
    throw new Refusal(EXIT.usage, "--concurrency is a number from 1 to 1000\n  next: sluice worker --concurrency 4");
  }
  const read = await world.service.workerConfig();
  if (read.kind === "bad") throw notStarted("worker", read.variables);
  const service = await openService(world);
  return service.worker(read.config, { pool: flags.pool, concurrency }, world.terminal.interrupted);
}

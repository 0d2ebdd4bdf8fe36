import { poolText } from "../report/pool-text.ts";
import { EXIT, Refusal } from "./exit.ts";
import { notStarted, openService } from "./serve.ts";
import type { OpenPool, World } from "./world.ts";

interface Flags {
  readonly pool: string;
  readonly json?: boolean;
}

/** `sluice ps --pool`: what runs in a pool, and where. */
export function ps(world: World, flags: Flags): Promise<number> {
  return withPool(world, flags, async (pool) => {
    const view = await pool.view();
    world.terminal.print(flags.json === true ? `${JSON.stringify(view, null, 2)}\n` : poolText(view));
  });
}

/** `sluice pause`: what runs ends, nothing new begins. */
export function pause(world: World, flags: Flags): Promise<number> {
  return withPool(world, flags, async (pool) => {
    const { workers } = await pool.view();
    await pool.pause();
    world.terminal.say(`pool ${flags.pool} is paused: what runs goes on, nothing new begins\n`);
    if (workers.length === 0)
      world.terminal.say("  no worker of it has announced itself: see that the name is the one that you mean\n");
    world.terminal.say(`  next: sluice unpause --pool ${flags.pool}\n`);
  });
}

/** `sluice unpause`: steps begin again. */
export function unpause(world: World, flags: Flags): Promise<number> {
  return withPool(world, flags, async (pool) => {
    const was = await pool.unpause();
    world.terminal.say(was ? `pool ${flags.pool} takes work again\n` : `pool ${flags.pool} was not paused\n`);
  });
}

async function withPool(world: World, { pool }: Flags, act: (pool: OpenPool) => Promise<void>): Promise<number> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(pool)) {
    throw new Refusal(EXIT.usage, "a pool is named by letters, digits, `-` and `_`\n  next: sluice ps --pool default");
  }
  const read = await world.service.workerConfig();
  if (read.kind === "bad") throw notStarted("asking the service", read.variables);
  const opened = await (await openService(world)).pool(read.config, pool);
  if (typeof opened === "number") return opened;
  try {
    await act(opened);
  } finally {
    await opened[Symbol.asyncDispose]();
  }
  return EXIT.fine;
}

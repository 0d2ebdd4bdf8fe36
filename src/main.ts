import { readConfig, readServiceConfig, readSetupConfig, readWorkerConfig } from "./config.ts";
import type { World } from "./cli/world.ts";

/** Composes adapters and hands them to the doors; the only file that knows all rooms. */
async function main(): Promise<void> {
  const config = readConfig(process.env, process.cwd());
  const { createTerminal } = await import("./cli/terminal.ts");
  const { systemClock } = await import("./clock/system-clock.ts");
  const terminal = createTerminal(config);
  const world: World = {
    config,
    clock: systemClock(),
    version: "0.1.0",
    terminal,
    service: {
      config: () => readServiceConfig(process.env, config.cwd),
      setupConfig: () => readSetupConfig(process.env, config.cwd),
      workerConfig: () => readWorkerConfig(process.env, config.cwd),
      async open() {
        const { serviceDoors } = await import("./main-doors.ts");
        return serviceDoors(world);
      },
    },
    async openRepository() {
      const { openRepository } = await import("./main-repository.ts");
      return openRepository(world);
    },
  };
  const { answer } = await import("./cli/answer.ts");
  process.exitCode = await answer(world, process.argv.slice(2));
}

await main();

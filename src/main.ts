import { answer } from "./cli/answer.ts";
import { createTerminal } from "./cli/terminal.ts";
import type { World } from "./cli/world.ts";
import { systemClock } from "./clock/system-clock.ts";
import { readConfig, readServiceConfig, readSetupConfig, readWorkerConfig } from "./config.ts";
import { openRepository } from "./main/local/repository.ts";

/** Composes adapters and hands them to the doors; the only file that knows all rooms. */
async function main(): Promise<void> {
  const config = readConfig(process.env, process.cwd());
  const terminal = createTerminal(config);
  const world: World = {
    config,
    clock: systemClock(),
    version: "0.1.0",
    terminal,
    service: {
      named: config.service,
      config: () => readServiceConfig(process.env, config.cwd),
      setupConfig: () => readSetupConfig(process.env, config.cwd),
      workerConfig: () => readWorkerConfig(process.env, config.cwd),
      async open() {
        const { serviceDoors } = await import("./main/serve/doors.ts");
        return serviceDoors(world);
      },
    },
    openRepository: () => openRepository(world),
    async repositoryOnForge(repository) {
      const { nameOnForge } = await import("./main/serve/personal-forge.ts");
      return nameOnForge(repository);
    },
    async openForge(repository, remote) {
      const { openPersonalForge } = await import("./main/serve/personal-forge.ts");
      return openPersonalForge(world, repository, remote);
    },
  };
  process.exitCode = await answer(world, process.argv.slice(2));
}

await main();

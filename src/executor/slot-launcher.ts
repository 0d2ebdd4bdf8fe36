import { join } from "node:path";

import type { PreparedEnvironment } from "./environment.ts";
import type { AttemptOrder } from "./executor.ts";
import { startLauncher, type Launcher } from "./launcher-client.ts";
import { koffiDirectories, launcherCommand } from "./launcher-command.ts";
import type { MemoryGroup } from "./memory-limit.ts";
import { readOnlyFor, sandboxArguments, type SandboxSettings } from "./sandbox.ts";
import { shownIn } from "./shown.ts";
import type { Slot } from "./slot.ts";

/** What launchers of one executor have in common. */
export interface LauncherPool {
  readonly options: {
    readonly launcherPath: string;
    /** The worker's own PATH, which follows the environment's. */
    readonly path: string;
    readonly sandbox: "auto" | "require" | "off";
  };
  readonly sandboxed: boolean;
  readonly systemReadOnly: readonly string[];
}

/** The slot's launcher if it was started with the same settings; a step with secrets always gets a fresh one. */
export function launcherFor(
  pool: LauncherPool,
  slot: Slot,
  {
    order,
    prepared,
    group,
  }: {
    readonly order: Pick<AttemptOrder, "network" | "inputs" | "secrets" | "sandbox">;
    readonly prepared: { readonly environment: Pick<PreparedEnvironment, "path" | "readOnly"> };
    readonly group: MemoryGroup | undefined;
  },
): Launcher {
  const settings: SandboxSettings = {
    network: order.network,
    readOnly: pool.sandboxed
      ? [
          ...new Set([
            ...pool.systemReadOnly,
            ...prepared.environment.readOnly,
            ...readOnlyFor(prepared.environment.path.join(":")),
          ]),
        ]
      : [],
    shown: shownIn(order),
  };
  const plain = pool.sandboxed ? JSON.stringify(settings) : PLAIN;
  const name = group === undefined ? plain : `limited ${plain}`;
  const fresh =
    pool.sandboxed &&
    (Object.keys(order.secrets).length > 0 ||
      pool.options.sandbox === "require" ||
      order.sandbox === "require" ||
      settings.shown.length > 0);
  if (slot.launcher !== undefined && slot.launcher.process.alive && slot.launcher.settings === name && !fresh)
    return slot.launcher.process;
  void slot.launcher?.process.close();
  const command = commandOf(pool, slot, settings);
  const process = launch(pool, group === undefined ? command : group.inside(command));
  slot.launcher = { process, settings: name };
  return process;
}

/** Settings of every launcher outside a sandbox. */
export const PLAIN = "plain";

export function launch(pool: LauncherPool, command: readonly string[]): Launcher {
  return startLauncher(command, { NODE_COMPILE_CACHE: "", PATH: pool.options.path });
}

function commandOf(pool: LauncherPool, slot: Slot, settings: SandboxSettings): readonly string[] {
  const { launcherPath } = pool.options;
  const node = launcherCommand(launcherPath);
  if (!pool.sandboxed) return node;
  const koffi = koffiDirectories(launcherPath);
  const own = [process.execPath, launcherPath, ...koffi];
  return [
    "bwrap",
    ...sandboxArguments(slot.workspace, join(slot.root, "logs"), {
      ...settings,
      readOnly: [...settings.readOnly, ...own],
    }),
    ...node,
  ];
}

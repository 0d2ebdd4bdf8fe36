import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { PreparedEnvironment } from "./environment.ts";
import type { AttemptOrder } from "./executor.ts";
import type { LaunchOrder } from "./launcher-client.ts";
import { koffiDirectories, launcherCommand } from "./launcher-command.ts";
import { shownIn } from "./shown.ts";
import { HOME, readOnlyFor, sandboxArguments, WORKSPACE } from "./sandbox.ts";
import type { JobPlace } from "./slurm-place.ts";
import { GPU_VARIABLES, jobScript } from "./slurm-script.ts";
import { environmentOf } from "./step-environment.ts";

/** Writes what a job reads: its script, and its order with environment and secrets, which the script deletes as it starts. */
export function writeOrder(place: JobPlace, order: AttemptOrder, environment: PreparedEnvironment): void {
  const { options, root, workspace } = place;
  const path = [...environment.path, options.path].join(":");
  const modules = environment.nodeModules;
  if (modules !== null && !existsSync(join(workspace, "node_modules")))
    symlinkSync(modules, join(workspace, "node_modules"));
  const gpus = (order.batch?.gpus ?? 0) > 0;
  for (const inside of [true, false]) {
    const places = inside
      ? { home: HOME, temporary: "/tmp" }
      : { home: join(root, "home"), temporary: join(root, "tmp") };
    const launch: LaunchOrder = {
      id: order.id,
      argv: order.argv,
      env: Object.entries(environmentOf(order, { environment, path }, places)).map(
        ([name, value]) => `${name}=${value}`,
      ),
      cwd: inside ? WORKSPACE : workspace,
      log: inside ? "/sluice/logs/step.log" : place.log,
      timeoutMs: order.timeoutMs,
      clean: [places.home, places.temporary],
      once: true,
      ...(gpus ? { pass: GPU_VARIABLES } : {}),
    };
    const file = join(root, inside ? "order.sandbox" : "order.workspace");
    writeFileSync(file, `${JSON.stringify(launch)}\n`, { mode: 0o600 });
  }
  const script = jobScript({
    root,
    launcher: launcherCommand(options.launcherPath),
    bubblewrap: options.sandbox === "off" ? null : bubblewrap(place, order, { environment, path }),
    orWithout: options.sandbox !== "require" && order.sandbox !== "require",
    links: shownIn(order).map(({ source, path }) => ({ source, target: join(workspace, path) })),
    tools: order.tools,
    path,
    gpus,
  });
  writeFileSync(join(root, "job.sh"), script, { mode: 0o700 });
}

function bubblewrap(
  { options, root, workspace }: JobPlace,
  order: AttemptOrder,
  { environment, path }: { readonly environment: PreparedEnvironment; readonly path: string },
): readonly string[] {
  const own = [process.execPath, options.launcherPath, ...koffiDirectories(options.launcherPath)];
  return sandboxArguments(workspace, join(root, "logs"), {
    network: order.network,
    readOnly: [...new Set([...readOnlyFor(path), ...environment.readOnly, ...own])],
    shown: shownIn(order),
  });
}

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Environments } from "./environment.ts";
import type { Materialize } from "./workspace.ts";

export interface SlurmExecutorOptions {
  /** Workspaces live here: the store's file system, which every node sees at the same path. */
  readonly directory: string;
  readonly sandbox: "auto" | "require" | "off";
  readonly slots: number;
  readonly environments: Environments;
  readonly materialize: Materialize;
  readonly launcherPath: string;
  readonly path: string;
  /** Told what goes wrong beside the attempts. */
  readonly onError: (error: unknown) => void;
  /** Between two questions to Slurm. */
  readonly everyMs?: number;
}

/** Where one attempt lives; `root` may be entered by this user alone. */
export interface JobPlace {
  readonly options: SlurmExecutorOptions;
  readonly root: string;
  readonly workspace: string;
  readonly log: string;
}

/** A new place whose path begins as said, so that what a worker left is known as its own. */
export function makePlace(options: SlurmExecutorOptions, begins: string): JobPlace {
  const root = mkdtempSync(begins);
  for (const part of ["workspace", "home", "tmp", "logs"]) mkdirSync(join(root, part));
  const log = join(root, "logs", "step.log");
  writeFileSync(log, "");
  return { options, root, workspace: join(root, "workspace"), log };
}

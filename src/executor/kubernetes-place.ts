import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import type { KubernetesPool } from "../pipeline/operator.ts";
import type { Materialize } from "./workspace.ts";

export interface KubernetesExecutorOptions {
  readonly pool: KubernetesPool;
  /** SLUICE_DATA as the worker sees it: the claim, or a part of it. */
  readonly data: string;
  /** Workspaces live here, below `data`. */
  readonly directory: string;
  readonly slots: number;
  readonly materialize: Materialize;
  /** Told what goes wrong beside the attempts. */
  readonly onError: (error: unknown) => void;
  /** Between two looks at the cluster. */
  readonly everyMs?: number;
}

/** Where one attempt lives; `root` may be entered by this user alone. */
export interface KubernetesPlace {
  readonly options: KubernetesExecutorOptions;
  readonly root: string;
  readonly workspace: string;
  readonly log: string;
}

/** A new place whose path begins as said, so that what a worker left is known as its own. */
export function makePlace(options: KubernetesExecutorOptions, begins: string): KubernetesPlace {
  const root = mkdtempSync(begins);
  const workspace = join(root, "workspace");
  mkdirSync(workspace);
  const log = join(root, "step.log");
  writeFileSync(log, "", { mode: 0o600 });
  return { options, root, workspace, log };
}

/** The same place inside the claim; undefined: it does not lie in there. */
export function insideClaim({ pool, data }: KubernetesExecutorOptions, path: string): string | undefined {
  const below = relative(data, path);
  return below === "" || below.startsWith("..") || below.startsWith("/") ? undefined : join(pool.path, below);
}

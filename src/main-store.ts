import { join } from "node:path";

import { removeTree } from "./executor/remove-tree.ts";
import type { OperatorStore } from "./pipeline/operator.ts";
import { begunAttempts, type BegunAttempts } from "./store/begun-attempts.ts";
import { fileCheckpoints, type Checkpoints } from "./store/checkpoints.ts";
import { filesystemStore } from "./store/filesystem-store.ts";
import type { Collector } from "./store/s3-collect.ts";
import type { Store } from "./store/store.ts";

/** Where bytes are, and what workers began beside them. */
export interface OpenStore {
  readonly store: Store;
  readonly begun: BegunAttempts;
  /** Of a bucket they are on this machine: large, and changed all the time. */
  readonly checkpoints: Checkpoints;
  /** Housekeeping of a store that its service alone keeps. */
  readonly collector?: Collector;
}

export type StoreOpened =
  | ({ readonly kind: "opened" } & OpenStore)
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

/**
 * A part of main.ts: the store that the operator names, or the one at `local`. A bucket keeps its copies there, beside the
 * workspaces, so that outputs enter by rename; the SDK is loaded for a bucket alone.
 */
export async function openStore(named: OperatorStore | null, local: string): Promise<StoreOpened> {
  if (named?.kind !== "s3") {
    const root = named?.path ?? local;
    return { kind: "opened", store: filesystemStore(root), begun: begunAttempts(root), checkpoints: below(root) };
  }
  const { openS3Bucket } = await import("./store/s3-bucket.ts");
  const { s3BegunAttempts } = await import("./store/s3-begun-attempts.ts");
  const { s3Collector } = await import("./store/s3-collect.ts");
  const { s3Store } = await import("./store/s3-store.ts");
  const opened = await openS3Bucket(named);
  if (opened.kind === "refused") return opened;
  const { bucket } = opened;
  const store = s3Store(bucket, local);
  const collector = s3Collector(bucket, () => store.forget());
  return { kind: "opened", store, begun: s3BegunAttempts(bucket), checkpoints: below(local), collector };
}

function below(root: string): Checkpoints {
  return fileCheckpoints(join(root, "checkpoints"), removeTree);
}

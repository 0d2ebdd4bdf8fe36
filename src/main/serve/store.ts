import { existsSync } from "node:fs";
import { join } from "node:path";

import { EXIT, Refusal } from "../../cli/exit.ts";
import type { Clock } from "../../clock/clock.ts";
import { removeTree, removeTrees } from "../../executor/remove-tree.ts";
import { removeAbandoned } from "../../executor/work-place.ts";
import type { OperatorStore } from "../../pipeline/operator.ts";
import { parseAddress } from "../../store/address.ts";
import { begunAttempts, type BegunAttempts } from "../../store/begun-attempts.ts";
import { fileCheckpoints, removeOldCheckpoints, type Checkpoints } from "../../store/checkpoints.ts";
import type { Collector } from "../../store/collector.ts";
import { fileCollector } from "../../store/file-collector.ts";
import { filesystemStore } from "../../store/filesystem-store.ts";
import { bucketProbe, fileProbe, type Probe } from "../../store/probe.ts";
import type { Store } from "../../store/store.ts";
import type { Refused } from "./refused.ts";

/** Where bytes are, and what workers began beside them. */
export interface OpenStore {
  readonly store: Store;
  readonly begun: BegunAttempts;
  /** Of a bucket they are on this machine: large, and changed all the time. */
  readonly checkpoints: Checkpoints;
  /** Whether bytes can be kept now. */
  readonly probe: Probe;
  /** Housekeeping, which a service does for all who use the store. */
  readonly collector: Collector;
}

export type StoreOpened = ({ readonly kind: "opened" } & OpenStore) | Refused;

/** What a mount that hangs says nothing in; `/readyz` says so, and nobody could ask that before the start is over. */
const ANSWERS_WITHIN_MS = 5_000;
const TRIM_EVERY_MS = 10 * 60_000;
/** Nobody else collects what lies beside a bucket's copies; looking at all of it takes longer than trimming. */
const CHECKPOINTS_EVERY_MS = 60 * 60_000;
const CHECKPOINTS_STAY_MS = 30 * 86_400_000;

/**
 * A part of main.ts: the store that the operator names, or the one at `local`. A bucket keeps its copies there, beside the
 * workspaces, so that outputs enter by rename; the SDK is loaded for a bucket alone.
 */
export async function openStore(named: OperatorStore | null, local: string): Promise<StoreOpened> {
  if (named?.kind !== "s3") {
    const root = named?.path ?? local;
    const [begun, checkpoints, probe] = [begunAttempts(root), below(root), fileProbe(root)];
    const collector = fileCollector(root, {
      remove: removeInTime,
      removeAbandoned: (at) => removeAbandoned(at, Date.now()),
    });
    return { kind: "opened", store: filesystemStore(root), begun, checkpoints, probe, collector };
  }
  const { openS3Bucket } = await import("../../store/s3-bucket.ts");
  const { s3BegunAttempts } = await import("../../store/s3-begun-attempts.ts");
  const { s3Collector } = await import("../../store/s3-collect.ts");
  const { s3Store } = await import("../../store/s3-store.ts");
  const opened = await openS3Bucket(named);
  if (opened.kind === "refused") return opened;
  const { bucket } = opened;
  const store = s3Store(bucket, local);
  setInterval(() => store.trim(), TRIM_EVERY_MS).unref();
  setInterval(
    () =>
      void removeOldCheckpoints(join(local, "checkpoints"), Date.now() - CHECKPOINTS_STAY_MS, { remove: removeInTime }),
    CHECKPOINTS_EVERY_MS,
  ).unref();
  const collector = s3Collector(bucket, () => store.forget());
  const [here, there] = [fileProbe(local), bucketProbe(bucket)];
  const probe = (): Promise<void> => here().then(there);
  return { kind: "opened", store, begun: s3BegunAttempts(bucket), checkpoints: below(local), probe, collector };
}

/** The same for whoever is to keep bytes there all day: what cannot be waited for is told before it begins. */
export async function openUsableStore(
  named: OperatorStore | null,
  local: string,
  clock: Pick<Clock, "wait">,
): Promise<StoreOpened> {
  const opened = await openStore(named, local);
  if (opened.kind === "refused" || named?.kind === "s3") return opened;
  const refused = await whyUnusable(opened.probe, named?.path ?? local, clock);
  if (refused === undefined) return opened;
  await opened.store[Symbol.asyncDispose]();
  return refused;
}

/** Why a directory can never keep bytes; undefined too where that takes longer to say than a start may wait. */
export async function whyUnusable(
  probe: Probe,
  path: string,
  clock: Pick<Clock, "wait">,
): Promise<Refused | undefined> {
  const answered = new AbortController();
  try {
    await Promise.race([probe(), clock.wait(ANSWERS_WITHIN_MS, answered.signal)]);
    return undefined;
  } catch (error) {
    return unusable(error, path);
  } finally {
    answered.abort();
  }
}

/** A disk that is full, hangs or is read-only for a while may be otherwise soon, and `/readyz` says so until then. */
function unusable(error: unknown, path: string): Refused | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (["ENOTDIR", "EEXIST", "ELOOP", "ENAMETOOLONG"].includes(code))
    return {
      kind: "refused",
      reason: "usage",
      why: `the store cannot be at ${path}: something there is no directory (${code})`,
      next: "name a directory in SLUICE_STORE_URL, or as `store` in the operator's file",
    };
  if (!["EACCES", "EPERM", "EROFS"].includes(code) || existsSync(path)) return undefined;
  return {
    kind: "refused",
    reason: "forbidden",
    why: `the store's directory ${path} cannot be made (${code})`,
    next: "make it for the user of the service, or name another directory in SLUICE_STORE_URL",
  };
}

/** Beside what the service does meanwhile: a step may have left any number of files. */
async function removeInTime(path: string): Promise<void> {
  await removeTrees([path], Number.POSITIVE_INFINITY);
}

function below(root: string): Checkpoints {
  return fileCheckpoints(join(root, "checkpoints"), removeTree);
}

/** The store that `SLUICE_STORE_URL` names, for commands in a repository. */
export async function storeAt(url: string, local: string): Promise<Store> {
  const address = parseAddress(url);
  if (address.kind === "refused")
    throw new Refusal(EXIT.usage, `SLUICE_STORE_URL: ${address.why}\n  next: SLUICE_STORE_URL=s3://bucket/prefix`);
  const opened = await openStore(address.store, local);
  if (opened.kind === "opened") return opened.store;
  throw new Refusal(EXIT[opened.reason], `${opened.why}\n  next: ${opened.next}`);
}

import type { Commits, LoggedCommit, TreeEntry } from "../git/git.ts";
import type { BlobId, CommitSha, Digest, RunId } from "../identity/identity.ts";
import { bundlePath, type BundleTrust, type CheckBundle } from "../manifest/bundle.ts";
import { recordedRun } from "../manifest/commit-message.ts";
import { keyPath, manifestPath, runDirectory, signaturePath } from "../manifest/ledger-paths.ts";
import {
  keyChecks,
  resultDigests,
  verifyRun,
  type Finding,
  type LedgerEntry,
  type VerifiedRun,
} from "../manifest/verify.ts";

/** A run as its commit names it, with the files of its directory in the ledger's tree. */
export interface RunToVerify {
  readonly id: RunId;
  readonly message: string;
  readonly files: ReadonlyMap<string, BlobId>;
}

export interface VerifyOrder {
  readonly head: CommitSha;
  readonly runs: readonly RunToVerify[];
  /** Public keys (PEM) by key id, as the ledger names them. */
  readonly publicKeys: ReadonlyMap<string, string>;
  /** Whose Sigstore bundles count; null: nobody said. */
  readonly trust: BundleTrust | null;
}

/** Whether any of these runs has a Sigstore bundle. */
export function haveBundles(runs: readonly RunToVerify[]): boolean {
  return runs.some(({ id, files }) => files.has(bundlePath(manifestPath(id))));
}

/** Every run that a ledger's commits name, or one of them, with what its tree has of it. */
export function runsToVerify(
  commits: readonly LoggedCommit[],
  tree: readonly TreeEntry[],
  wanted: RunId | undefined,
): readonly RunToVerify[] {
  const directories = new Map<string, Map<string, BlobId>>();
  for (const { path, blob } of tree) {
    if (!path.startsWith("runs/")) continue;
    const directory = path.slice(0, path.lastIndexOf("/"));
    const files = directories.get(directory);
    if (files === undefined) directories.set(directory, new Map([[path, blob]]));
    else files.set(path, blob);
  }
  return commits.flatMap(({ message }) => {
    const id = recordedRun(message);
    if (id === undefined || (wanted !== undefined && id !== wanted)) return [];
    return [{ id, message, files: directories.get(runDirectory(id)) ?? new Map() }];
  });
}

/** Key documents of so many runs are read at once. */
const SHARE = 2_000;

/**
 * Verifies recorded runs with nothing but what the ledger holds, each as soon as its files are there: no more than one
 * is held, and git reads on meanwhile.
 */
export async function verifyRuns(
  git: Pick<Commits, "blobs" | "files">,
  { head, runs, publicKeys }: VerifyOrder,
  checkBundle?: CheckBundle,
): Promise<readonly VerifiedRun[]> {
  let documents: ReadonlyMap<string, Uint8Array> = new Map();
  // The verdict on a key document is remembered, its bytes are not.
  const keyDocument = keyChecks((key) => documents.get(keyPath(key)));
  const seen = new Set<Digest>();
  let keys: Digest[] = [];
  // A document is looked at when all runs of a share have named theirs.
  const later = (key: Digest): undefined => void keys.push(key);
  const context = { publicKeys, checkBundle, keyDocument: later, resultDigest: resultDigests() };
  const verified: VerifiedRun[] = [];
  for (let at = 0; at < runs.length; at += SHARE) {
    const share: { readonly run: VerifiedRun; readonly keys: readonly Digest[] }[] = [];
    await readEntries(git, runs.slice(at, at + SHARE), (entry) => {
      keys = [];
      const run = typeof entry === "string" ? unrecorded(entry) : verifyRun(entry, context);
      share.push({ run, keys });
    });
    const unseen = [...new Set(share.flatMap((one) => one.keys))].filter((key) => !seen.has(key));
    documents = await git.files(head, unseen.map(keyPath));
    for (const key of unseen) seen.add(key);
    for (const one of share)
      verified.push(
        withKeys(
          one.run,
          one.keys.flatMap((key) => keyDocument(key) ?? []),
        ),
      );
  }
  return verified;
}

function withKeys(run: VerifiedRun, found: readonly Finding[]): VerifiedRun {
  return found.length === 0 ? run : { ...run, findings: [...run.findings, ...found] };
}

function unrecorded(run: RunId): VerifiedRun {
  const finding = { kind: "manifest" as const, sentence: "its manifest is not in the ledger" };
  return { run, pipeline: "", verified: "none", findings: [finding] };
}

/** Hands over runs in their order as the ledger has them; an id alone where there is no manifest. */
async function readEntries(
  git: Pick<Commits, "blobs">,
  runs: readonly RunToVerify[],
  take: (entry: LedgerEntry | RunId) => void,
): Promise<void> {
  const asked = runs.flatMap(({ files }) => [...files.values()]);
  const waiting = runs.values();
  let blobs = new Map<BlobId, Uint8Array>();
  let next = waiting.next();
  const handOver = (): void => {
    while (next.done !== true && [...next.value.files.values()].every((blob) => blobs.has(blob))) {
      take(entryOf(next.value, blobs));
      blobs = new Map();
      next = waiting.next();
    }
  };
  handOver();
  await git.blobs(asked, (id, bytes) => {
    blobs.set(id, bytes);
    handOver();
  });
}

function entryOf({ id, message, files }: RunToVerify, blobs: ReadonlyMap<BlobId, Uint8Array>): LedgerEntry | RunId {
  const file = (path: string): Uint8Array | undefined => {
    const blob = files.get(path);
    return blob === undefined ? undefined : blobs.get(blob);
  };
  const manifest = file(manifestPath(id));
  if (manifest === undefined) return id;
  const part = (name: string): Uint8Array | undefined => file(`${runDirectory(id)}/${name}`);
  const bundle = file(bundlePath(manifestPath(id)));
  return { run: id, manifest, envelope: file(signaturePath(id)), bundle, message, part };
}

import type { Commits, LoggedCommit, TreeEntry } from "../git/git.ts";
import type { BlobId, CommitSha, Digest, RunId } from "../identity/identity.ts";
import { bundlePath, type BundleTrust, type CheckBundle } from "../manifest/bundle.ts";
import { recordedRun } from "../manifest/commit-message.ts";
import { keyPath, manifestPath, runDirectory, signaturePath } from "../manifest/ledger-paths.ts";
import {
  keyChecks,
  readManifest,
  resultDigests,
  verifyRun,
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

/** So many manifests are held at once, however long the ledger is. */
const SHARE = 500;

/** Verifies recorded runs with nothing but what the ledger holds. */
export async function verifyRuns(
  git: Pick<Commits, "blobs" | "files">,
  { head, runs, publicKeys }: VerifyOrder,
  checkBundle?: CheckBundle,
): Promise<readonly VerifiedRun[]> {
  // The verdict on a key document is remembered, its bytes are not.
  const seen = new Set<Digest>();
  let keys: ReadonlyMap<string, Uint8Array> = new Map();
  const keyDocument = keyChecks((key) => keys.get(keyPath(key)));
  const context = { publicKeys, checkBundle, keyDocument, resultDigest: resultDigests() };
  const verified: VerifiedRun[] = [];
  for (let at = 0; at < runs.length; at += SHARE) {
    const entries = await readEntries(git, runs.slice(at, at + SHARE));
    const unseen = keysOf(entries, seen);
    keys = await git.files(head, unseen.map(keyPath));
    for (const key of unseen) seen.add(key);
    for (const entry of entries)
      verified.push(typeof entry === "string" ? unrecorded(entry) : verifyRun(entry, context));
  }
  return verified;
}

function unrecorded(run: RunId): VerifiedRun {
  const finding = { kind: "manifest" as const, sentence: "its manifest is not in the ledger" };
  return { run, pipeline: "", verified: "none", findings: [finding] };
}

/** Runs as the ledger has them; an id alone where there is no manifest. */
async function readEntries(
  git: Pick<Commits, "blobs">,
  runs: readonly RunToVerify[],
): Promise<readonly (LedgerEntry | RunId)[]> {
  const blobs = new Map<BlobId, Uint8Array>();
  const wanted = new Set(runs.flatMap(({ files }) => [...files.values()]));
  // What is handed over is a part of a larger piece, which it would keep.
  await git.blobs([...wanted], (id, bytes) => blobs.set(id, new Uint8Array(bytes)));
  return runs.map(({ id, message, files }): LedgerEntry | RunId => {
    const file = (path: string): Uint8Array | undefined => {
      const blob = files.get(path);
      return blob === undefined ? undefined : blobs.get(blob);
    };
    const manifest = file(manifestPath(id));
    if (manifest === undefined) return id;
    const part = (name: string): Uint8Array | undefined => file(`${runDirectory(id)}/${name}`);
    const bundle = file(bundlePath(manifestPath(id)));
    const read = readManifest({ manifest, part });
    return { run: id, manifest, envelope: file(signaturePath(id)), bundle, message, part, read };
  });
}

/** Keys of these runs that were not `seen` before. */
function keysOf(entries: readonly (LedgerEntry | RunId)[], seen: ReadonlySet<Digest>): readonly Digest[] {
  const keys = new Set<Digest>();
  for (const entry of entries) {
    const parsed = typeof entry === "string" ? undefined : entry.read?.parsed;
    for (const { key } of parsed?.kind === "ok" ? parsed.record.steps : []) {
      if (key !== null && !seen.has(key)) keys.add(key);
    }
  }
  return [...keys];
}

import type { CommitSha, RunId } from "../identity/identity.ts";
import { recordedRun } from "./commit-message.ts";
import { checkEnvelope } from "./dsse.ts";
import { manifestPath, signaturePath } from "./ledger-paths.ts";
import { runOf } from "./parse-manifest.ts";

/** Files by which a ledger says that a run is recorded. */
export function runFiles(id: RunId): readonly string[] {
  return [manifestPath(id), signaturePath(id)];
}

/**
 * Whether a ledger's files record a run: one of these keys signed its manifest. Anybody who can push could have put
 * another there, unsigned or of another run, and a run that never was would count as done.
 */
export function signedRun(
  files: ReadonlyMap<string, Uint8Array>,
  id: RunId,
  keys: ReadonlyMap<string, string>,
): boolean {
  const manifest = files.get(manifestPath(id));
  return manifest !== undefined && isSigned(files, id, keys) && runOf(manifest) === id;
}

/** Whether one of these keys signed what stands in a run's place, of whichever run it is. */
export function isSigned(
  files: ReadonlyMap<string, Uint8Array>,
  id: RunId,
  keys: ReadonlyMap<string, string>,
): boolean {
  const manifest = files.get(manifestPath(id));
  const envelope = files.get(signaturePath(id));
  return manifest !== undefined && envelope !== undefined && checkEnvelope(envelope, manifest, keys).kind === "valid";
}

/** Reads of a ledger's branch; the git port satisfies it. */
interface LedgerCommits {
  files(commit: CommitSha, paths: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  /** All commits up to one. */
  log(head: CommitSha): Promise<readonly { readonly sha: CommitSha; readonly message: string }[]>;
}

interface Asked {
  readonly id: RunId;
  /** What a run deploys, if it does. */
  readonly deploys?: object | null;
}

/**
 * Whether a ledger has a run. A deployment is made once, so that one is recorded by whichever commit brought a record that
 * counts: what somebody pushes over it since does not make it undone.
 */
export async function isRecorded(
  ledger: LedgerCommits,
  head: CommitSha,
  { id, deploys = null }: Asked,
  keys: ReadonlyMap<string, string>,
): Promise<boolean> {
  if (signedRun(await ledger.files(head, runFiles(id)), id, keys)) return true;
  if (deploys === null) return false;
  for (const { sha, message } of await ledger.log(head))
    if (message.includes(id) && recordedRun(message) === id)
      if (signedRun(await ledger.files(sha, runFiles(id)), id, keys)) return true;
  return false;
}

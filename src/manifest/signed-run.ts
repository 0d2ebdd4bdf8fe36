import type { RunId } from "../identity/identity.ts";
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

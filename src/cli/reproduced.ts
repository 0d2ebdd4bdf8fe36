import { digestOf, type Digest, type RunId } from "../identity/identity.ts";
import { parseLedgerHeader, type LedgerHeader } from "../manifest/ledger-header.ts";
import { LEDGER_HEADER, LOCAL_LEDGER, manifestPath } from "../manifest/ledger-paths.ts";
import { REPRODUCTIONS, type Reproduction } from "../release/reproduction.ts";
import type { Ledger, Repository } from "./world.ts";

/** Of which repository a ledger is and whose keys sign in it, with the digest of one run's manifest there. */
export interface Recorded {
  readonly header: LedgerHeader;
  readonly manifest: Digest;
}

/** Undefined where the ledger's header cannot be read, or it does not have the run. */
export async function recordedIn(
  { git }: Pick<Repository, "git">,
  { ref }: Pick<Ledger, "ref">,
  run: RunId,
): Promise<Recorded | undefined> {
  const head = await git.resolve(ref);
  if (head === undefined) return undefined;
  const files = await git.files(head, [LEDGER_HEADER, manifestPath(run)]);
  const header = parseLedgerHeader(files.get(LEDGER_HEADER) ?? new Uint8Array());
  const manifest = files.get(manifestPath(run));
  return header.kind === "ok" && manifest !== undefined
    ? { header: header.value, manifest: digestOf(manifest) }
    : undefined;
}

/** What counts of a run's reproductions in a ledger, by the keys that it names; null: there is none. */
export async function reproducedIn(
  repository: Pick<Repository, "git">,
  ledger: Ledger,
  run: RunId,
): Promise<Reproduction | null> {
  const entries = ledger.history.reproductions(run);
  if (entries.length === 0) return null;
  const recorded = await recordedIn(repository, ledger, run);
  if (recorded === undefined) return null;
  const { reproductionOf } = await import("../release/verify-reproduction.ts");
  return reproductionOf(entries, recorded.manifest, recorded.header) ?? null;
}

/** What brings a run's reproduction that was kept in this clone to the service; null: none was. */
export async function waitingPush(
  { git }: Pick<Repository, "git">,
  ledger: Pick<Ledger, "ref">,
  run: RunId,
): Promise<string | null> {
  const ref = `${REPRODUCTIONS}${run}`;
  const waits = ledger.ref !== LOCAL_LEDGER && (await git.resolve(ref)) !== undefined;
  return waits ? pushOf(ledger, ref) : null;
}

/** The push of a ref to where a ledger was fetched from. */
export function pushOf(ledger: Pick<Ledger, "ref">, ref: string): string {
  return `git push ${/^refs\/remotes\/([^/]+)\//.exec(ledger.ref)?.[1] ?? "origin"} ${ref}`;
}

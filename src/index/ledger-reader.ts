import { setImmediate } from "node:timers/promises";

import { digestOf, type CommitSha, type Digest, type RunId } from "../identity/identity.ts";
import type { KeyDocument } from "../key/key-document.ts";
import { keyPath, manifestPath, runDirectory } from "../manifest/ledger-paths.ts";
import { parseJson, readStatement, type ParsedManifest } from "../manifest/parse-manifest.ts";
import { isObject } from "../manifest/shape.ts";
import { isSigned, runFiles } from "../manifest/signed-run.ts";
import type { RunRecord } from "../run/run-record.ts";

export interface LedgerEntry {
  readonly sha: CommitSha;
  readonly parents: readonly CommitSha[];
  readonly message: string;
}

/** Reads of a ledger branch; the git port satisfies it. */
export interface LedgerReader {
  /** Runs of any other one are left out; without it all are taken. */
  readonly repository?: string;
  readonly head: () => Promise<CommitSha | undefined>;
  /** Newest first, stopping before `until`; all when that is not known. */
  readonly log: (until?: CommitSha) => Promise<readonly LedgerEntry[]>;
  /** Keys whose word on runs counts; without them all of them do. */
  readonly keys?: ReadonlyMap<string, string>;
  readonly files: (commit: CommitSha, paths: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>;
}

/** Runs of an imported or forked history are shown by whoever reads the ledger, and nothing is decided by them. */
export function isOwn(ledger: LedgerReader, { repository }: RunRecord): boolean {
  return ledger.repository === undefined || repository === ledger.repository;
}

/** Runs whose files are held at once: of a large one they are some megabytes. */
export const TOGETHER = 8;

/** Bytes of manifests that are looked at before the rest of the process has its turn: some milliseconds. */
const TURN = 131_072;

/** Manifests of a few runs without their key documents; unreadable ones are left out. */
export async function readRuns(
  ledger: LedgerReader,
  head: CommitSha,
  ids: readonly RunId[],
): Promise<ReadonlyMap<RunId, RunRecord>> {
  const found = new Map<RunId, RunRecord>();
  const paths = (id: RunId): readonly string[] => [manifestPath(id)];
  for await (const { id, record } of parsedRuns(ledger, head, { ids, paths })) found.set(id, record);
  return found;
}

export interface CountedRun {
  readonly id: RunId;
  readonly record: RunRecord;
  /** False: nobody signed it whose word does. It says nothing, and may still be held. */
  readonly counted: boolean;
}

/** The same of any number of runs, each as soon as it was read, with whether it counts. */
export async function* countedRuns(
  ledger: LedgerReader,
  head: CommitSha,
  ids: readonly RunId[],
): AsyncGenerator<CountedRun> {
  const { keys } = ledger;
  const paths = keys === undefined ? (id: RunId) => [manifestPath(id)] : runFiles;
  for await (const { id, record, files } of parsedRuns(ledger, head, { ids, paths }))
    yield { id, record, counted: keys === undefined || (record.id === id && isSigned(files, id, keys)) };
}

async function* parsedRuns(
  ledger: LedgerReader,
  head: CommitSha,
  { ids, paths }: { readonly ids: readonly RunId[]; readonly paths: (id: RunId) => readonly string[] },
): AsyncGenerator<{
  readonly id: RunId;
  readonly record: RunRecord;
  readonly files: ReadonlyMap<string, Uint8Array>;
}> {
  let looked = 0;
  for (let at = 0; at < ids.length; at += TOGETHER) {
    const batch = ids.slice(at, at + TOGETHER);
    const files = await ledger.files(head, batch.flatMap(paths));
    for (const id of batch) {
      const bytes = files.get(manifestPath(id));
      if (bytes === undefined) continue;
      looked += bytes.byteLength;
      if (looked > TURN) {
        await setImmediate();
        looked = bytes.byteLength;
      }
      const parsed = await parseWhole(ledger, head, { id, bytes });
      if (parsed.kind === "ok") yield { id, record: parsed.record, files };
    }
  }
}

/** Parses a manifest with the files beside it that a very large run has; key documents are not read. */
async function parseWhole(
  ledger: LedgerReader,
  head: CommitSha,
  { id, bytes }: { readonly id: RunId; readonly bytes: Uint8Array },
): Promise<ParsedManifest> {
  const statement = parseJson(bytes);
  if (statement === undefined) return { kind: "refused", why: "it is not JSON" };
  const alone = readStatement(statement.value, () => undefined);
  if (alone.kind === "ok" || alone.needs === undefined) return alone;
  const beside = (file: string): string => `${runDirectory(id)}/${file}`;
  const parts = await ledger.files(head, alone.needs.map(beside));
  return readStatement(
    statement.value,
    () => undefined,
    (file) => parts.get(beside(file)),
  );
}

/** One whole record with its key documents; an unreadable manifest is an exception that says why. */
export async function readRun(ledger: LedgerReader, head: CommitSha, id: RunId): Promise<RunRecord | undefined> {
  const bytes = (await ledger.files(head, [manifestPath(id)])).get(manifestPath(id));
  if (bytes === undefined) return undefined;
  const bare = await parseWhole(ledger, head, { id, bytes });
  if (bare.kind === "refused") throw new Error(`reading the manifest of ${id}: ${bare.why}`);
  return withDocuments(ledger, head, [bare.record]).then(([record]) => record);
}

/** The same records with their key documents, read together; one that its key does not name is left out. */
export async function withDocuments(
  ledger: LedgerReader,
  head: CommitSha,
  records: readonly RunRecord[],
): Promise<readonly RunRecord[]> {
  const keys = new Set(records.flatMap((record) => record.steps.flatMap((step) => step.key ?? [])));
  const files = await ledger.files(head, [...keys].map(keyPath));
  return records.map((record) => ({
    ...record,
    steps: record.steps.map((step) => {
      const document = step.key === null ? null : documentOf(step.key, files.get(keyPath(step.key)));
      return { ...step, document };
    }),
  }));
}

/** Anybody who can push could have put other bytes there. */
function documentOf(key: Digest, bytes: Uint8Array | undefined): KeyDocument | null {
  if (bytes === undefined || digestOf(bytes) !== key) return null;
  const value = parseJson(bytes)?.value;
  return isObject(value) && Array.isArray(value["inputs"]) ? (value as unknown as KeyDocument) : null;
}

import type { LedgerCommit, LoggedCommit } from "../git/git.ts";
import type { Mirror } from "../git/mirror.ts";
import { digestOf, type CommitSha, type RunId } from "../identity/identity.ts";
import { bundlePath } from "../manifest/bundle.ts";
import { recordedRun } from "../manifest/commit-message.ts";
import { headerWithKeysOf } from "../manifest/ledger-header.ts";
import { keyPath, LEDGER_HEADER, manifestPath, runDirectory } from "../manifest/ledger-paths.ts";
import { PART_NAMES, partFile } from "../manifest/parts.ts";
import { runFiles, signedRun } from "../manifest/signed-run.ts";
import {
  environmentOf,
  EVENT_TYPE,
  eventPath,
  eventSignaturePath,
  parseEvent,
  recordedEvent,
} from "../release/release-event.ts";
import { signedBy } from "../release/signed-by.ts";

export interface RestorePorts {
  readonly mirror: Mirror;
  /** Full name of the ledger branch's ref, which the mirror knows to only grow. */
  readonly ledger: string;
  /** Keys whose word on runs and events counts. */
  readonly keys: ReadonlyMap<string, string>;
}

export type Restored =
  | { readonly kind: "whole" }
  /** Somebody had taken commits away, and they are there again. */
  | {
      readonly kind: "restored";
      /** What the ledger held before, and what somebody made of it; null: it was deleted. */
      readonly was: CommitSha;
      readonly moved: CommitSha | null;
      readonly commits: number;
      /** Oldest first. */
      readonly runs: readonly RunId[];
      /** Environments whose events stand in another order now than they did. */
      readonly reordered: readonly string[];
    }
  | { readonly kind: "later"; readonly why: string };

const WHOLE: Restored = { kind: "whole" };

/**
 * Gives a ledger back what a push by force took from it, without a force of its own: where nothing was added since, it
 * moves forward to where it was; otherwise what is missing is added to what is there. To be called after a refresh.
 */
export async function restoreLedger({ mirror, ledger, keys }: RestorePorts): Promise<Restored> {
  const was = await mirror.grown();
  const moved = (await mirror.resolve(ledger)) ?? null;
  if (was === undefined || was === moved) return WHOLE;
  const lost = (await mirror.log(was, moved ?? undefined)).toReversed();
  if (lost.length === 0) return WHOLE;
  const runs = lost.flatMap(({ message }) => recordedRun(message) ?? []);
  const behind = moved === null || (await mirror.mergeBase(moved, was)) === moved;
  const to = behind ? was : await addMissing({ mirror, ledger, keys }, { was, head: moved }, lost);
  if (to === undefined) return { kind: "later", why: "the ledger moved meanwhile" };
  const reordered = behind ? [] : reorderedIn(await mirror.log(was), await mirror.log(to));
  // Put back already, by another controller or before this one stopped.
  const nothing = to === moved && reordered.length === 0;
  if (to !== moved) {
    const published = await mirror.publish([{ ref: ledger, from: moved, to }]);
    if (published.kind !== "published") return { kind: "later", why: published.why };
  }
  await mirror.settle(to);
  return nothing ? WHOLE : { kind: "restored", was, moved, commits: lost.length, runs, reordered };
}

/** Commits of the ledger add files and change none but its keys: what is missing can stand upon anything. */
async function addMissing(
  { mirror, ledger, keys }: RestorePorts,
  { was, head }: { readonly was: CommitSha; readonly head: CommitSha },
  lost: Awaited<ReturnType<Mirror["log"]>>,
): Promise<CommitSha | undefined> {
  const commits: LedgerCommit[] = [];
  const back = new Set<string>();
  for (const { sha, message, time } of lost) {
    const record = recordBy(message, keys);
    const added = new Set((await mirror.added(sha)).filter((path) => path !== LEDGER_HEADER));
    const paths = [...new Set([...added, ...(record?.paths ?? [])])].filter((path) => !back.has(path));
    const there = await mirror.files(head, paths);
    // Recorded once more since: a run has one manifest.
    if (record?.counts(there) === true) continue;
    const all = await mirror.files(sha, paths);
    const counts = record?.counts(all) === true;
    // Neither this nor what stands in its place says anything: that stays as it is.
    if (record !== undefined && !counts && record.paths.some((path) => there.has(path))) continue;
    const isBack = (path: string): boolean => counts && record.holds(path);
    const files = new Map(
      [...all].filter(([path, bytes]) =>
        there.has(path) ? isBack(path) || isKey(path, bytes) : added.has(path) || isBack(path),
      ),
    );
    for (const path of files.keys()) if (isBack(path)) back.add(path);
    if (files.size > 0) commits.push({ files, message, author: AUTHOR, time });
  }
  const header = headerWithKeysOf(await mirror.file(was, LEDGER_HEADER), await mirror.file(head, LEDGER_HEADER));
  if (header !== undefined) commits.splice(0, 1, withKeys(header, commits[0] ?? keysAlone(lost)));
  if (commits.length === 0) return head;
  const appended = await mirror.append(ledger, head, commits);
  return appended.kind === "appended" ? appended.head : undefined;
}

/** What a commit says that it brought. */
interface NamedRecord {
  readonly paths: readonly string[];
  readonly holds: (path: string) => boolean;
  /** Whether these files are it, signed by one of ours: anybody who can push could have put others in its place. */
  readonly counts: (files: ReadonlyMap<string, Uint8Array>) => boolean;
}

function recordBy(message: string, keys: ReadonlyMap<string, string>): NamedRecord | undefined {
  const run = recordedRun(message);
  if (run !== undefined) {
    const parts = PART_NAMES.map((name) => `${runDirectory(run)}/${partFile(name)}`);
    return {
      paths: [...runFiles(run), bundlePath(manifestPath(run)), ...parts],
      holds: (path) => path.startsWith(`${runDirectory(run)}/`),
      counts: (files) => signedRun(files, run, keys),
    };
  }
  const event = recordedEvent(message);
  if (event === undefined) return undefined;
  const paths = [event, eventSignaturePath(event), bundlePath(event)];
  return {
    paths,
    holds: (path) => paths.includes(path),
    counts(files) {
      const payload = files.get(event);
      const parsed = payload === undefined ? undefined : parseEvent(payload);
      if (payload === undefined || parsed === undefined || eventPath(parsed.event) !== event) return false;
      const envelope = files.get(eventSignaturePath(event));
      return signedBy({ payload, envelope }, keys, EVENT_TYPE).kind === "valid";
    },
  };
}

/** A key document under its own name: other bytes there are none. */
function isKey(path: string, bytes: Uint8Array): boolean {
  return path.startsWith("keys/") && path === keyPath(digestOf(bytes));
}

/** Each event is signed and their order is not: copies of them in another order say something else. */
function reorderedIn(was: readonly LoggedCommit[], now: readonly LoggedCommit[]): readonly string[] {
  const before = new Set(was.toReversed().flatMap(({ message }) => recordedEvent(message) ?? []));
  const after = new Set(now.toReversed().flatMap(({ message }) => recordedEvent(message) ?? []));
  const [old, kept] = [[...before].filter((path) => after.has(path)), [...after].filter((path) => before.has(path))];
  return [...new Set(old.filter((path, at) => path !== kept[at]).map((path) => environmentOf(path)))];
}

const AUTHOR = { name: "sluice", email: "sluice@localhost" };

/** Keys come with a record, as they did at first: whoever verifies knows no commits of keys alone. */
function withKeys(header: Uint8Array, commit: LedgerCommit): LedgerCommit {
  return { ...commit, files: new Map([...commit.files, [LEDGER_HEADER, header]]) };
}

/** Nothing but keys was taken. */
function keysAlone(lost: readonly LoggedCommit[]): LedgerCommit {
  return { files: new Map(), message: "ledger: signing keys put back\n", author: AUTHOR, time: lost[0]?.time ?? 0 };
}

import type { Commits } from "../git/git.ts";
import type { Mirror } from "../git/mirror.ts";
import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { Json, JsonObject } from "../identity/canonical-json.ts";
import {
  filesOf,
  isStray,
  placeOf,
  strayFrom,
  straysAt,
  subjectOf,
  type LedgerOwner,
  type Stray,
} from "../release/stray.ts";

export interface StrayPorts {
  readonly mirror: Pick<Commits, "tree" | "files" | "resolve"> & Pick<Mirror, "changed">;
  readonly owner: LedgerOwner;
}

/** How far a ledger was looked through, and what was found. */
export interface LookedThrough {
  /** All that stands there is known; null: nobody has looked yet. */
  readonly until: CommitSha | null;
  /** What is being looked through, and how many of its changes are; null: nothing. */
  readonly at: { readonly head: CommitSha; readonly done: number } | null;
  readonly strays: readonly Stray[];
  /** There were more than are kept: once these are mended all is looked through again. */
  readonly more: boolean;
}

export const UNSEEN: LookedThrough = { until: null, at: null, strays: [], more: false };

/** Records that one look goes through: a long history is taken in by many. */
const SHARE = 10_000;
const MOST = 100;
/** So many records are held at once, however long the history is. */
const SLICE = 500;

/** Looks through what changed on a ledger since the last look, and again at what was found before. */
export async function findStrays(ports: StrayPorts, head: CommitSha, before: LookedThrough): Promise<LookedThrough> {
  const { mirror, owner } = ports;
  const seen = await stillKnown(mirror, before);
  const target = seen.at?.head ?? head;
  const subjects = seen.until === target ? [] : await changedSubjects(mirror, { from: seen.until, to: target });
  const done = seen.at?.done ?? 0;
  const share = subjects.slice(done, done + SHARE);
  const found = await inSlices(share, async (subjects) => {
    const paths = subjects.flatMap(filesOf);
    const [now, was] = await Promise.all([
      mirror.files(target, paths),
      seen.until === null ? new Map<string, Uint8Array>() : mirror.files(seen.until, paths),
    ]);
    return subjects.flatMap((subject) => straysAt(subject, { before: was, now }, owner));
  });
  const known = new Set(share);
  const all = [...seen.strays.filter((stray) => stray.kind === "key" || !known.has(placeOf(stray))), ...found];
  const strays = await inSlices(all, async (some) => {
    const there = await mirror.files(head, [...new Set(some.flatMap((stray) => filesOf(placeOf(stray))))]);
    return some.filter((stray) => isStray(stray, there, owner));
  });
  const more = seen.more || strays.length > MOST;
  if (more && strays.length === 0) return UNSEEN;
  const whole = done + share.length >= subjects.length;
  return {
    until: whole ? target : seen.until,
    at: whole ? null : { head: target, done: done + share.length },
    strays: strays.slice(0, MOST),
    more,
  };
}

/** What is found in each slice, one after the other: what was read for one is let go before the next. */
async function inSlices<Item>(
  items: readonly Item[],
  look: (slice: readonly Item[]) => Promise<readonly Stray[]>,
): Promise<readonly Stray[]> {
  const found: Stray[] = [];
  for (let at = 0; at < items.length; at += SLICE) found.push(...(await look(items.slice(at, at + SLICE))));
  return found;
}

/** A mirror that was made anew may lack what an older one saw: then all is looked through again. */
async function stillKnown(mirror: StrayPorts["mirror"], seen: LookedThrough): Promise<LookedThrough> {
  for (const commit of [seen.until, seen.at?.head ?? null])
    if (commit !== null && (await mirror.resolve(commit)) === undefined) return { ...seen, until: null, at: null };
  return seen;
}

async function changedSubjects(
  mirror: StrayPorts["mirror"],
  { from, to }: { readonly from: CommitSha | null; readonly to: CommitSha },
): Promise<readonly string[]> {
  const paths = from === null ? (await mirror.tree(to)).map(({ path }) => path) : await mirror.changed(from, to);
  return [...new Set(paths.map(subjectOf))];
}

/** What a table kept of the last look; whatever it cannot be read from begins anew. */
export function lookedThroughFrom(value: Json | undefined): LookedThrough {
  if (!isMap(value)) return UNSEEN;
  const { until, at, strays, more } = value;
  return {
    until: commitFrom(until) ?? null,
    at: placeFrom(at),
    strays: Array.isArray(strays) ? strays.flatMap((one) => strayFrom(one) ?? []) : [],
    more: more === true,
  };
}

function placeFrom(value: Json | undefined): LookedThrough["at"] {
  if (!isMap(value)) return null;
  const head = commitFrom(value["head"]);
  return head === undefined || typeof value["done"] !== "number" ? null : { head, done: value["done"] };
}

function commitFrom(value: Json | undefined): CommitSha | undefined {
  return typeof value === "string" ? parseCommitSha(value) : undefined;
}

function isMap(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import type { CommitSha } from "../identity/identity.ts";
import type { GitProcess } from "./git-process.ts";
import { contact, trouble, type MirrorPlace } from "./mirror-contact.ts";
import type { Refreshed } from "./mirror.ts";
import { ancestors, checkPattern, excludes, inTheWay, matches, refsOf } from "./ref-names.ts";

/** `listed`: the remote said what it holds, and something of that could not be brought. */
export type Looked = Refreshed & { readonly listed?: boolean };

/** The part of an answer that somebody asked for. */
export function only(looked: Looked, patterns: readonly string[]): Refreshed {
  if (looked.kind !== "ok") return { kind: looked.kind, why: looked.why };
  const asked = [...looked.refs].filter(([ref]) => patterns.some((one) => matches(one, ref)));
  return { kind: "ok", refs: new Map(asked) };
}

/** What the remote holds of these refs, brought here. */
export async function look(place: MirrorPlace, local: GitProcess, patterns: readonly string[]): Promise<Looked> {
  for (let attempt = 1; ; attempt++) {
    const looked = await lookOnce(place, local, patterns);
    // A ref that goes away between listing and fetching fails the fetch: the next listing does not have it.
    if (looked.kind !== "unreachable" || looked.listed !== true || attempt >= ATTEMPTS) return looked;
  }
}

const ATTEMPTS = 3;

async function lookOnce(place: MirrorPlace, local: GitProcess, patterns: readonly string[]): Promise<Looked> {
  for (const pattern of patterns) checkPattern(pattern);
  const reached = await contact(place);
  if (reached.kind !== "ok") return reached;
  const { git, url } = reached;
  // What is appended here meanwhile is not taken for what differs there.
  const [listed, mine] = await Promise.all([
    git.attempt(["ls-remote", "--quiet", "--refs", "--", url, ...patterns]),
    refsHere(local, [...patterns, ...spoiling(place)]),
  ]);
  if (listed.code !== 0) return trouble(listed.stderr);
  // Brought here, a ref above or below the one that grows would keep that from being written.
  const spoils = (ref: string): boolean => place.grows !== undefined && excludes(ref, place.grows);
  const isAsked = (ref: string): boolean => patterns.some((one) => matches(one, ref));
  const there = refsOf(listed.stdout.toString("utf8"), "\t", (ref) => isAsked(ref) && !spoils(ref));
  const wanted = [...there].filter(([ref, sha]) => mine.get(ref) !== sha).map(([ref]) => ref);
  // First: `release` that is gone stands in the way of `release/1.0`.
  await dropAll(
    local,
    [...mine.keys()].filter((ref) => (isAsked(ref) && !there.has(ref)) || spoils(ref)),
  );
  if (wanted.length === 0) return { kind: "ok", refs: there };
  const fetched = await git.attempt([...FETCH, url, "--stdin"], wanted.map((ref) => `+${ref}:${ref}\n`).join(""));
  if (fetched.code === 0) return { kind: "ok", refs: there };
  // So may what other patterns brought: the remote has none of it beside what it lists.
  await dropAll(local, inTheWay((await refsHere(local, ["refs/"])).keys(), wanted));
  return { ...trouble(fetched.stderr), listed: true };
}

/** Where those stand here that keep the ref that grows from being written. */
function spoiling({ grows }: MirrorPlace): readonly string[] {
  return grows === undefined ? [] : [...ancestors(grows), `${grows}/*`];
}

async function dropAll(git: GitProcess, refs: readonly string[]): Promise<void> {
  if (refs.length > 0) await git.run(["update-ref", "--stdin"], refs.map((ref) => `delete ${ref}\n`).join(""));
}

export async function refsHere(git: GitProcess, patterns: readonly string[]): Promise<ReadonlyMap<string, CommitSha>> {
  // The remote's `*` reaches across slashes, and this command's does not: below a directory it lists everything.
  const below = patterns.map((one) => (one.endsWith("*") ? one.slice(0, one.lastIndexOf("/") + 1) : one));
  const listed = await git.run(["for-each-ref", "--format=%(objectname) %(refname)", "--", ...below]);
  return refsOf(listed.toString("utf8"), " ");
}

const FETCH = [
  "fetch",
  "--quiet",
  "--force",
  "--no-tags",
  "--no-auto-gc",
  "--no-write-fetch-head",
  "--no-recurse-submodules",
];

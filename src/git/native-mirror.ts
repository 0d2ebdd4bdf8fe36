import { existsSync, mkdirSync } from "node:fs";

import { byUtf8 } from "../identity/canonical-json.ts";
import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import { contactTurns } from "./contact-turns.ts";
import { lines } from "./git-output.ts";
import { gitProcess, type GitProcess } from "./git-process.ts";
import { contact, lastLine, trouble, type MirrorPlace } from "./mirror-contact.ts";
import { look, only, refsHere, type Looked } from "./mirror-look.ts";
import type { Mirror, Published, RefUpdate } from "./mirror.ts";
import { nativeGit } from "./native-git.ts";
import { ancestors, inTheWay, refsOf, standingWords } from "./ref-names.ts";

/** A mirror through the git binary. */
export async function nativeMirror(place: MirrorPlace): Promise<Mirror> {
  const { directory, program } = place;
  const by = place.run === undefined ? {} : { run: place.run };
  if (!existsSync(`${directory}/HEAD`)) {
    mkdirSync(directory, { recursive: true });
    await gitProcess(directory, program, by).run(["init", "--quiet", "--bare", "--initial-branch=main", directory]);
  }
  const commits = nativeGit({ root: directory, own: directory, common: directory, program, ...by });
  const git = gitProcess(directory, program, by);
  const turns = contactTurns<Looked>();
  const grown = () => commits.resolve(GROWN);
  const settle = async (head: CommitSha) => void (await git.run(["update-ref", GROWN, head]));
  /** Follows the ref that only grows, unless it was rewritten. */
  const follow = async (head: CommitSha | undefined): Promise<void> => {
    const before = head === undefined ? undefined : await grown();
    if (head === undefined || before === head) return;
    if (before === undefined || (await commits.mergeBase(before, head)) === before) await settle(head);
  };
  /** Without what stands upon that which is known to be on the remote. */
  const without = async (head: CommitSha | undefined): Promise<CommitSha | undefined> => {
    const before = await grown();
    if (head === undefined || before === undefined || before === head) return head;
    return (await commits.mergeBase(before, head)) === before ? before : head;
  };
  const lookAndFollow = async (patterns: readonly string[]): Promise<Looked> => {
    const looked = await look(place, git, patterns);
    if (looked.kind === "ok" && place.grows !== undefined) await follow(looked.refs.get(place.grows));
    return looked;
  };
  /** Brings the ref here to what was published, unless more was appended to that meanwhile. */
  const bring = async ({ ref, to }: RefUpdate): Promise<void> => {
    const here = to === null ? undefined : await commits.resolve(ref);
    if (to === null || here === to) return;
    if (here === undefined || (await commits.mergeBase(to, here)) !== to) await git.attempt(["update-ref", ref, to]);
  };
  /** Whoever appended to what is taken back is overtaken, and does the same. */
  const takeBack = async ({ ref, from }: RefUpdate): Promise<void> => {
    const before = await grown();
    const base = from === null || before === undefined ? from : await commits.mergeBase(before, from);
    const known = before !== undefined && (base === before || base === from) ? before : from;
    await git.attempt(known === null ? ["update-ref", "-d", ref] : ["update-ref", ref, known]);
  };
  return {
    ...commits,
    grown,
    settle,
    published: async () => without(place.grows === undefined ? undefined : await commits.resolve(place.grows)),
    async refresh(patterns) {
      const { words, answer } = await turns.ask(patterns, lookAndFollow);
      // What one of them wants may be what cannot be brought: nobody else is to wait for it.
      const spoilt = answer.kind !== "ok" && answer.listed === true && words.length > patterns.length;
      return only(spoilt ? await turns.alone(() => lookAndFollow(patterns)) : answer, patterns);
    },
    publish: (updates) =>
      turns.write(async () => {
        const published = await publish(place, updates);
        const moved = updates.find(({ ref }) => ref === place.grows);
        if (moved === undefined) return published;
        await (published.kind === "published" ? bring(moved) : takeBack(moved));
        if (published.kind === "published") await follow(moved.to ?? undefined);
        return published;
      }),
    kept: (prefix) => refsHere(git, [prefix]),
    drop: async (ref) => void (await git.run(["update-ref", "-d", ref])),
    async mergeTree(base, head) {
      const { code, stdout } = await git.attempt(["merge-tree", "--write-tree", "--name-only", "-z", base, head]);
      const [tree = "", ...paths] = stdout.toString("utf8").split("\0");
      const sha = parseCommitSha(tree);
      if (code === 0 && sha !== undefined) return { kind: "ok", tree: sha };
      const end = paths.indexOf("");
      return { kind: "conflict", paths: [...new Set(paths.slice(0, end < 0 ? undefined : end))] };
    },
    async changed(from, to) {
      const output = await git.run(["diff-tree", "-r", "-z", "--name-only", "--no-renames", from, to]);
      return output
        .toString("utf8")
        .split("\0")
        .filter((path) => path !== "")
        .sort(byUtf8);
    },
  };
}

/** Never on the remote: what a rewritten ref held before. */
export const GROWN = "refs/sluice/grown";

async function publish(place: MirrorPlace, updates: readonly RefUpdate[]): Promise<Published> {
  const reached = await contact(place);
  if (reached.kind !== "ok") return reached;
  const { git, url } = reached;
  const leases = updates.map(({ ref, from }) => `--force-with-lease=${ref}:${from ?? ""}`);
  const orders = updates.map(({ ref, to }) => `${to ?? ""}:${ref}`);
  const { code, stdout, stderr } = await git.attempt([...PUSH, ...leases, "--", url, ...orders]);
  if (code === 0) return { kind: "published" };
  const refused = lines(stdout.toString("utf8")).filter((line) => line.startsWith("!"));
  const why = refused.map((line) => line.split("\t").slice(1).join(" ")).join("; ") || lastLine(stderr);
  const standing = refused.length > 0 && !refused.some((line) => /stale info/.test(line));
  const blocked = standing ? await inTheirWay({ git, url }, updates) : undefined;
  if (blocked !== undefined) return { kind: "refused", why: blocked };
  if (refused.some((line) => MOVED.test(line))) return { kind: "overtaken", why };
  return refused.length > 0 ? { kind: "refused", why } : trouble(stderr);
}

/** What keeps these refs from being made on the remote, whose own words are those of a ref that moved; for people. */
async function inTheirWay(
  { git, url }: { readonly git: GitProcess; readonly url: string },
  updates: readonly RefUpdate[],
): Promise<string | undefined> {
  const made = updates.flatMap(({ ref, to }) => (to === null ? [] : [ref]));
  const near = made.flatMap((ref) => [...ancestors(ref), `${ref}/*`]);
  const listed = await git.attempt(["ls-remote", "--quiet", "--refs", "--", url, ...near]);
  const [first] = inTheWay(refsOf(listed.stdout.toString("utf8"), "\t").keys(), made);
  return first === undefined ? undefined : standingWords(first, made);
}

const PUSH = [
  "push",
  "--atomic",
  "--porcelain",
  "--no-verify",
  "--no-follow-tags",
  "--no-signed",
  "--recurse-submodules=no",
];
/** Words by which git and forges say that a ref is no longer what it was. */
const MOVED =
  /stale info|non-fast-forward|fetch first|cannot lock ref|failed to update ref|reference already exists|already exists/i;

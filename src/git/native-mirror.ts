import { existsSync, mkdirSync } from "node:fs";

import { byUtf8 } from "../identity/canonical-json.ts";
import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import { contactTurns } from "./contact-turns.ts";
import { lines } from "./git-output.ts";
import { gitProcess, type GitProcess } from "./git-process.ts";
import type { Mirror, Published, Refreshed, RefUpdate } from "./mirror.ts";
import { nativeGit } from "./native-git.ts";
import { ancestors, inTheWay, matches, refsOf, standingWords } from "./ref-names.ts";
import type { RunProgram } from "./run-program.ts";

export interface MirrorPlace {
  /** Absolute path of the bare repository; made when it is not there. */
  readonly directory: string;
  /** The git binary. */
  readonly program: string;
  /** How git is run; default: as a child of this process. */
  readonly run?: RunProgram;
  /** A ref that only grows: what it held is kept here, whoever rewrites it there. */
  readonly grows?: string;
  /** Where the repository is by now, and what opens it; asked before each contact, because tokens are short-lived. */
  readonly remote: () => Promise<
    { readonly kind: "ok"; readonly url: string; readonly token: string | null } | RemoteTrouble
  >;
}

type RemoteTrouble = { readonly kind: "refused" | "unreachable"; readonly why: string };

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
  const turns = contactTurns<Refreshed>();
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
    refresh: (patterns) =>
      turns.ask(JSON.stringify(patterns), async () => {
        const refreshed = await refresh(place, git, patterns);
        if (refreshed.kind === "ok" && place.grows !== undefined) await follow(refreshed.refs.get(place.grows));
        return refreshed;
      }),
    publish: (updates) =>
      turns.write(async () => {
        const published = await publish(place, updates);
        const moved = updates.find(({ ref }) => ref === place.grows);
        if (moved === undefined) return published;
        await (published.kind === "published" ? bring(moved) : takeBack(moved));
        if (published.kind === "published") await follow(moved.to ?? undefined);
        return published;
      }),
    kept: (prefix) => here(git, [prefix]),
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

type Contact = { readonly kind: "ok"; readonly git: GitProcess; readonly url: string } | RemoteTrouble;

/** The token goes by the environment: arguments can be read by everybody on the machine. */
async function contact({ directory, program, remote, run }: MirrorPlace): Promise<Contact> {
  const found = await remote();
  if (found.kind !== "ok") return found;
  const { url, token } = found;
  const extra =
    token === null
      ? {}
      : {
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraHeader`,
          GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`,
        };
  return { kind: "ok", url, git: gitProcess(directory, program, { extra, ...(run !== undefined && { run }) }) };
}

async function refresh(place: MirrorPlace, local: GitProcess, patterns: readonly string[]): Promise<Refreshed> {
  for (let attempt = 1; ; attempt++) {
    const refreshed = await refreshOnce(place, local, patterns);
    // A ref that goes away between listing and fetching fails the fetch: the next listing does not have it.
    if (refreshed.kind !== "unreachable" || refreshed.listed !== true || attempt >= ATTEMPTS) return refreshed;
  }
}

const ATTEMPTS = 3;

async function refreshOnce(
  place: MirrorPlace,
  local: GitProcess,
  patterns: readonly string[],
): Promise<Refreshed & { readonly listed?: boolean }> {
  const reached = await contact(place);
  if (reached.kind !== "ok") return reached;
  const { git, url } = reached;
  // What is appended here meanwhile is not taken for what differs there.
  const [listed, mine] = await Promise.all([
    git.attempt(["ls-remote", "--quiet", "--refs", "--", url, ...patterns]),
    here(local, patterns),
  ]);
  if (listed.code !== 0) return trouble(listed.stderr);
  // Brought here, a ref above the one that grows would keep that from being written.
  const above = place.grows === undefined ? [] : ancestors(place.grows);
  const counts = (ref: string): boolean => !above.includes(ref) && patterns.some((one) => matches(one, ref));
  const there = refsOf(listed.stdout.toString("utf8"), "\t", counts);
  const wanted = [...there].filter(([ref, sha]) => mine.get(ref) !== sha).map(([ref]) => ref);
  // First: `release` that is gone stands in the way of `release/1.0`.
  await dropAll(
    local,
    [...mine.keys()].filter((ref) => !there.has(ref)),
  );
  if (wanted.length === 0) return { kind: "ok", refs: there };
  const fetched = await git.attempt([...FETCH, url, "--stdin"], wanted.map((ref) => `+${ref}:${ref}\n`).join(""));
  if (fetched.code === 0) return { kind: "ok", refs: there };
  // So may what other patterns brought: the remote has none of it beside what it lists.
  await dropAll(local, inTheWay((await here(local, ["refs/"])).keys(), wanted));
  return { ...trouble(fetched.stderr), listed: true };
}

async function dropAll(git: GitProcess, refs: readonly string[]): Promise<void> {
  if (refs.length > 0) await git.run(["update-ref", "--stdin"], refs.map((ref) => `delete ${ref}\n`).join(""));
}

async function here(git: GitProcess, patterns: readonly string[]): Promise<ReadonlyMap<string, CommitSha>> {
  // The remote's `*` reaches across slashes, and this command's does not: below a prefix it lists everything.
  const below = patterns.map((pattern) => pattern.replace(/\/\*$/, "/"));
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

/** Refused by the forge for good, or simply not to be reached now; what git says may hold a URL, never a token. */
function trouble(stderr: string): RemoteTrouble {
  const why = lastLine(stderr);
  return /authentication failed|could not read (username|password)|access denied|not found|error: 40[134]/i.test(stderr)
    ? { kind: "refused", why }
    : { kind: "unreachable", why };
}

function lastLine(stderr: string): string {
  const said = lines(stderr).filter((line) => /^(fatal|error|remote):/.test(line));
  return (said.at(-1) ?? stderr.trim()).slice(0, 300);
}

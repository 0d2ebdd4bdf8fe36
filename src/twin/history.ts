import { git } from "./bare.ts";
import type { PullSize, TwinRepository } from "./world.ts";

const ZERO = "0".repeat(40);
/** GitHub names at most so many commits in one push. */
const MOST = 2_048;

/** What a push brought, as its delivery tells it: the commits, the newest of them, and whether others were dropped. */
export async function pushedCommits(
  repository: TwinRepository,
  { before, after }: { readonly before: string; readonly after: string },
  host: string,
): Promise<{ readonly commits: readonly object[]; readonly head: object | null; readonly forced: boolean }> {
  if (after === ZERO) return { commits: [], head: null, forced: false };
  // What a new branch brought depends on all others; its tip is named.
  const range = before === ZERO ? ["-1", after] : [`-${MOST}`, "--left-right", `${before}...${after}`];
  const both = await logged(repository, range, host);
  const commits = both.filter(({ side }) => side !== "<").map(({ commit }) => commit);
  const forced = commits.length < both.length;
  const head = commits.at(-1) ?? (await logged(repository, ["-1", after], host))[0]?.commit ?? null;
  return { commits, head, forced };
}

const FORMAT = ["%m", "%H", "%T", "%aI", "%an", "%ae", "%cn", "%ce", "%B"].join("%x00");

/** Commits as deliveries name them, oldest first, and of two sides the one that each is on (`<`, `>`). */
export async function logged(
  { directory, fullName }: TwinRepository,
  range: readonly string[],
  host: string,
): Promise<readonly { readonly side: string; readonly commit: object }[]> {
  const output = await git(directory, [
    "log",
    "--reverse",
    "--no-renames",
    "--name-status",
    `--format=%x01${FORMAT}%x00%x02`,
    ...range,
    "--",
  ]);
  return output
    .split("\x01")
    .slice(1)
    .map((entry) => {
      const [facts = "", names = ""] = entry.split("\x02");
      const [side = "", id, tree, timestamp, name, email, committer, committerEmail, message = ""] = facts.split("\0");
      const changed = (letter: string): readonly string[] =>
        names.split("\n").flatMap((line) => (line.startsWith(`${letter}\t`) ? [line.slice(2)] : []));
      const commit = {
        id,
        tree_id: tree,
        distinct: true,
        message: message.trimEnd(),
        timestamp,
        url: `${host}/${fullName}/commit/${id}`,
        author: { name, email },
        committer: { name: committer, email: committerEmail },
        added: changed("A"),
        removed: changed("D"),
        modified: changed("M"),
      };
      return { side, commit };
    });
}

/** How much a pull request changes. */
export async function sizeOf(directory: string, base: string, head: string): Promise<PullSize> {
  const [count, numbers] = await Promise.all([
    git(directory, ["rev-list", "--count", head, `^${base}`]),
    git(directory, ["diff", "--numstat", `${base}...${head}`]).catch(() => ""),
  ]);
  const rows = numbers.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t").map(Number)]));
  const sum = (column: number): number => rows.reduce((total, row) => total + (row[column] || 0), 0);
  return { commits: Number(count), files: rows.length, additions: sum(0), deletions: sum(1) };
}

/** A commit as lists of them give it. */
export interface ListedCommit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: { readonly name: string; readonly email: string; readonly date: string };
  readonly message: string;
}

/** Commits that a pull request brings, oldest first. */
export async function commitsBetween(
  { directory }: TwinRepository,
  { base, head }: { readonly base: string; readonly head: string },
): Promise<readonly ListedCommit[]> {
  const format = ["%H", "%T", "%P", "%an", "%ae", "%aI", "%B"].join("%x00");
  const output = await git(directory, ["log", "--reverse", `--format=${format}%x01`, head, `^${base}`, "--"]);
  return output
    .split("\x01")
    .map((entry) => entry.trimStart())
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [sha = "", tree = "", parents = "", name = "", email = "", date = "", message = ""] = entry.split("\0");
      const list = parents.split(" ").filter((one) => one !== "");
      return { sha, tree, parents: list, author: { name, email, date }, message: message.trimEnd() };
    });
}

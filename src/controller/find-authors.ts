import type { Answer, Forge } from "../forge/forge.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { Actor } from "../release/release-event.ts";

/** What the forge said of commits, and until when that is taken for true (ms since 1970). */
export type KnownAuthors = Map<CommitSha, { readonly authors: readonly Actor[]; readonly until: number }>;

/** A commit may have a merged pull request, or another one, that the forge tells a little later: two answers so far apart have to agree. */
const ASK_AGAIN_MS = 15 * 60_000;

/**
 * Authors of the pull requests that brought these commits, whoever pushed to them, and authors of what came without any:
 * none of them approves. While the forge does not say all of them nobody is known not to be one.
 */
export async function findAuthors(
  forge: Pick<Forge, "pullRequestsOf" | "commitAuthors" | "authorsOf">,
  commits: readonly CommitSha[],
  { known, now }: { readonly known: KnownAuthors; readonly now: number },
): Promise<Answer<readonly Actor[]>> {
  const authors: Actor[] = [];
  const pulls = new Map<number, Answer<readonly Actor[]>>();
  for (const commit of commits) {
    const before = known.get(commit);
    if (before !== undefined && before.until > now) {
      authors.push(...before.authors);
      continue;
    }
    const found = await authorsOf(forge, commit, pulls);
    if (found.kind !== "ok") return found;
    const stays = found.value.stays && before !== undefined && isSame(before.authors, found.value.authors);
    known.set(commit, { authors: found.value.authors, until: stays ? Infinity : now + ASK_AGAIN_MS });
    authors.push(...found.value.authors);
  }
  return { kind: "ok", value: [...byName(authors).values()] };
}

function byName(authors: readonly Actor[]): ReadonlyMap<string, Actor> {
  return new Map(authors.map((one) => [`${one.id ?? ""} ${one.login}`, one]));
}

function isSame(before: readonly Actor[], now: readonly Actor[]): boolean {
  const [known, found] = [byName(before), byName(now)];
  return known.size === found.size && [...found.keys()].every((name) => known.has(name));
}

type Asked = Pick<Forge, "pullRequestsOf" | "commitAuthors" | "authorsOf">;

/** `stays`: it came by merged pull requests, of which the forge told all. */
async function authorsOf(
  forge: Asked,
  commit: CommitSha,
  asked: Map<number, Answer<readonly Actor[]>>,
): Promise<Answer<{ readonly authors: readonly Actor[]; readonly stays: boolean }>> {
  const pulls = await forge.pullRequestsOf(commit);
  if (pulls.kind !== "ok" && pulls.kind !== "not-found") return pulls;
  const brought = pulls.kind === "ok" ? pulls.value.filter(({ merged }) => merged) : [];
  if (brought.length === 0) {
    const pushers = await forge.authorsOf(commit);
    if (pushers.kind !== "ok" && pushers.kind !== "not-found") return pushers;
    return { kind: "ok", value: { authors: pushers.kind === "ok" ? pushers.value : [], stays: false } };
  }
  const authors: Actor[] = [];
  let stays = true;
  for (const { number, author } of brought) {
    const pushers = asked.get(number) ?? (await forge.commitAuthors(number));
    asked.set(number, pushers);
    if (pushers.kind !== "ok" && pushers.kind !== "not-found") return pushers;
    authors.push(author, ...(pushers.kind === "ok" ? pushers.value : []));
    stays &&= pushers.kind === "ok";
  }
  return { kind: "ok", value: { authors, stays } };
}

import type { Answer, Forge } from "../forge/forge.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { Actor } from "../release/release-event.ts";

/** What the forge said of commits, since when it says so, when it last did, and until when that is taken for true (ms since 1970). */
export type KnownAuthors = Map<CommitSha, Known>;

interface Known {
  readonly authors: readonly Actor[];
  readonly since: number;
  readonly askedAt: number;
  readonly until: number;
}

/** A commit may have a merged pull request, or another one, that the forge tells a little later: an answer that is new is soon asked for again. */
const SOON_MS = 60_000;
/** Two answers so far apart have to agree. */
const ASK_AGAIN_MS = 15 * 60_000;

/**
 * Authors of the pull requests that brought these commits, whoever pushed to them, and authors of what came without any:
 * none of them approves. While the forge does not say all of them nobody is known not to be one. `anew`: something is about to be
 * done by it, and only answers that have agreed are taken for true.
 */
export async function findAuthors(
  forge: Pick<Forge, "pullRequestsOf" | "commitAuthors" | "authorsOf">,
  commits: readonly CommitSha[],
  { known, now, anew }: { readonly known: KnownAuthors; readonly now: number; readonly anew: boolean },
): Promise<Answer<readonly Actor[]>> {
  const authors: Actor[] = [];
  const pulls = new Map<number, Answer<readonly Actor[]>>();
  for (const commit of commits) {
    const before = known.get(commit);
    if (before !== undefined && (anew ? hasAgreed(before, now) : before.until > now)) {
      authors.push(...before.authors);
      continue;
    }
    const found = await authorsOf(forge, commit, pulls);
    if (found.kind !== "ok") return found;
    known.set(commit, knownFrom(found.value, before, now));
    authors.push(...found.value.authors);
  }
  return { kind: "ok", value: [...byName(authors).values()] };
}

/**
 * What was said alike for a while counts for as long again: whoever tries to merge every ten seconds, for hours, asks a few
 * times, and not once for each commit and try.
 */
function hasAgreed({ since, askedAt, until }: Known, now: number): boolean {
  return until === Infinity || (askedAt > since && now - askedAt <= Math.min(askedAt - since, ASK_AGAIN_MS));
}

function knownFrom({ authors, stays }: Told, before: Known | undefined, now: number): Known {
  const since = before !== undefined && isSame(before.authors, authors) ? before.since : now;
  const agreedFor = now - since;
  if (stays && agreedFor >= ASK_AGAIN_MS) return { authors, since, askedAt: now, until: Infinity };
  return { authors, since, askedAt: now, until: now + (agreedFor >= SOON_MS ? ASK_AGAIN_MS : SOON_MS) };
}

function byName(authors: readonly Actor[]): ReadonlyMap<string, Actor> {
  return new Map(authors.map((one) => [`${one.id ?? ""} ${one.login}`, one]));
}

function isSame(before: readonly Actor[], now: readonly Actor[]): boolean {
  const [known, found] = [byName(before), byName(now)];
  return known.size === found.size && [...found.keys()].every((name) => known.has(name));
}

type Asked = Pick<Forge, "pullRequestsOf" | "commitAuthors" | "authorsOf">;

interface Told {
  readonly authors: readonly Actor[];
  /** It came by merged pull requests, of which the forge told all. */
  readonly stays: boolean;
}

async function authorsOf(
  forge: Asked,
  commit: CommitSha,
  asked: Map<number, Answer<readonly Actor[]>>,
): Promise<Answer<Told>> {
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

import type { Answer, Forge } from "../forge/forge.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { Actor } from "../release/release-event.ts";

/** What the forge said of commits that a merged pull request brought: it stays so. */
export type KnownAuthors = Map<CommitSha, readonly Actor[]>;

/**
 * Authors of the pull requests that brought these commits, whoever pushed to them, and authors of what came without any:
 * none of them approves. While the forge does not say all of them nobody is known not to be one.
 */
export async function findAuthors(
  forge: Pick<Forge, "pullRequestsOf" | "commitAuthors" | "authorsOf">,
  commits: readonly CommitSha[],
  known: KnownAuthors = new Map(),
): Promise<Answer<readonly Actor[]>> {
  const authors: Actor[] = [];
  const seen = new Map<number, readonly Actor[]>();
  for (const commit of commits) {
    const before = known.get(commit);
    if (before !== undefined) {
      authors.push(...before);
      continue;
    }
    const pulls = await forge.pullRequestsOf(commit);
    if (pulls.kind !== "ok" && pulls.kind !== "not-found") return pulls;
    const brought = pulls.kind === "ok" ? pulls.value.filter(({ merged }) => merged) : [];
    if (brought.length === 0) {
      const pushers = await forge.authorsOf(commit);
      if (pushers.kind !== "ok" && pushers.kind !== "not-found") return pushers;
      authors.push(...(pushers.kind === "ok" ? pushers.value : []));
    }
    const bringers: Actor[] = [];
    for (const { number, author } of brought) {
      const pushers = seen.get(number) ?? (await pushersOf(forge, number));
      if ("kind" in pushers) return pushers;
      seen.set(number, pushers);
      bringers.push(author, ...pushers);
    }
    if (brought.length > 0) known.set(commit, bringers);
    authors.push(...bringers);
  }
  return { kind: "ok", value: [...new Map(authors.map((one) => [`${one.id ?? ""} ${one.login}`, one])).values()] };
}

async function pushersOf(
  forge: Pick<Forge, "commitAuthors">,
  number: number,
): Promise<readonly Actor[] | Exclude<Answer<unknown>, { readonly kind: "ok" | "not-found" }>> {
  const pushers = await forge.commitAuthors(number);
  if (pushers.kind === "not-found") return [];
  return pushers.kind === "ok" ? pushers.value : pushers;
}

import type { Answer, Forge } from "../forge/forge.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { Actor } from "../release/release-event.ts";

/**
 * Authors of the pull requests that brought these commits, whoever pushed to them, and authors of what came without any:
 * none of them approves. While the forge does not say all of them nobody is known not to be one.
 */
export async function findAuthors(
  forge: Pick<Forge, "pullRequestsOf" | "commitAuthors" | "authorsOf">,
  commits: readonly CommitSha[],
): Promise<Answer<readonly Actor[]>> {
  const authors: Actor[] = [];
  const seen = new Set<number>();
  for (const commit of commits) {
    const pulls = await forge.pullRequestsOf(commit);
    if (pulls.kind !== "ok" && pulls.kind !== "not-found") return pulls;
    const brought = pulls.kind === "ok" ? pulls.value.filter(({ merged }) => merged) : [];
    if (brought.length === 0) {
      const pushers = await forge.authorsOf(commit);
      if (pushers.kind !== "ok" && pushers.kind !== "not-found") return pushers;
      authors.push(...(pushers.kind === "ok" ? pushers.value : []));
    }
    for (const { number, author } of brought) {
      if (seen.has(number)) continue;
      seen.add(number);
      const pushers = await forge.commitAuthors(number);
      if (pushers.kind !== "ok" && pushers.kind !== "not-found") return pushers;
      authors.push(author, ...(pushers.kind === "ok" ? pushers.value : []));
    }
  }
  return { kind: "ok", value: authors };
}

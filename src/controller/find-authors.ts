import type { Answer, Forge } from "../forge/forge.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { Actor } from "../release/release-event.ts";

/**
 * Authors of the pull requests that brought these commits, and whoever pushed to them: none of them approves. While the
 * forge does not say all of them nobody is known not to be one.
 */
export async function findAuthors(
  forge: Pick<Forge, "pullRequestsOf" | "commitAuthors">,
  commits: readonly CommitSha[],
): Promise<Answer<readonly Actor[]>> {
  const authors: Actor[] = [];
  const seen = new Set<number>();
  for (const commit of commits) {
    const pulls = await forge.pullRequestsOf(commit);
    if (pulls.kind !== "ok" && pulls.kind !== "not-found") return pulls;
    for (const { number, author } of pulls.kind === "ok" ? pulls.value : []) {
      if (seen.has(number)) continue;
      seen.add(number);
      const pushers = await forge.commitAuthors(number);
      if (pushers.kind !== "ok" && pushers.kind !== "not-found") return pushers;
      authors.push(author, ...(pushers.kind === "ok" ? pushers.value : []));
    }
  }
  return { kind: "ok", value: authors };
}

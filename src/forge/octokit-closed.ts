import type { RepositoryRef } from "../identity/repository.ts";
import type { Answer, PullRequest } from "./forge.ts";
import type { Calls } from "./octokit-calls.ts";
import { pullRequestOf } from "./octokit-shapes.ts";

/** Each holds two whole repositories: a page of few is quicker, and is nearly always enough. */
const A_PAGE = 20;
/** Older changes are looked for no further back. */
const PAGES = 25;

/** Closed pull requests that changed since then, the newest change first: the list itself knows no `since`. */
export async function closedSince(
  calls: Pick<Calls, "again">,
  { installation, fullName }: Pick<RepositoryRef, "installation" | "fullName">,
  since: string,
): Promise<Answer<readonly PullRequest[]>> {
  const [owner = "", repo = ""] = fullName.split("/");
  const found: PullRequest[] = [];
  for (let page = 1; page <= PAGES; page++) {
    const answer = await calls.again(
      {
        installation,
        name: `${fullName} closed pulls ${page}`,
        call: (octokit, headers) =>
          octokit.rest.pulls.list({
            owner,
            repo,
            state: "closed",
            sort: "updated",
            direction: "desc",
            per_page: A_PAGE,
            page,
            headers,
          }),
      },
      (list) => list.map((one) => ({ changed: Date.parse(one.updated_at), pull: pullRequestOf(one) })),
    );
    if (answer.kind !== "ok") return answer;
    const newer = answer.value.filter(({ changed }) => changed >= Date.parse(since));
    found.push(...newer.map(({ pull }) => pull));
    if (newer.length < A_PAGE) break;
  }
  return { kind: "ok", value: found };
}

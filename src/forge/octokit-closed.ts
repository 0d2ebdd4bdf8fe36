import type { RepositoryRef } from "../identity/repository.ts";
import type { Answer, ClosedPullRequests, PullRequest } from "./forge.ts";
import type { Calls } from "./octokit-calls.ts";
import { pullRequestOf } from "./octokit-shapes.ts";

/** Each holds two whole repositories: a page of few is quicker, and is nearly always enough. */
const A_PAGE = 20;
/** Pages that one question reads at most. */
const PAGES = 25;

/**
 * Closed pull requests that changed since then, the newest change first: the list itself knows no `since`. What changes while
 * somebody asks on comes before what they have read; what is opened again goes from there, so that they ask for the last page anew.
 */
export async function closedSince(
  calls: Pick<Calls, "again">,
  { installation, fullName }: Pick<RepositoryRef, "installation" | "fullName">,
  { since, from }: { readonly since: string; readonly from: number },
): Promise<Answer<ClosedPullRequests>> {
  const [owner = "", repo = ""] = fullName.split("/");
  const found: PullRequest[] = [];
  for (let page = from; page < from + PAGES; page++) {
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
    if (newer.length < A_PAGE) return { kind: "ok", value: { pulls: found, next: null } };
  }
  return { kind: "ok", value: { pulls: found, next: from + PAGES - 1 } };
}

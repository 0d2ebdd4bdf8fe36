import { Octokit } from "@octokit/rest";

import type { Answer, PersonalForge } from "./forge.ts";
import { QUIET, refusalOf } from "./octokit-calls.ts";
import { map, pages } from "./octokit-pages.ts";
import { commentOf, personOf, pullRequestOf } from "./octokit-shapes.ts";

export interface PersonalOptions {
  /** `https://api.github.com`, or `https://host/api/v3` of an enterprise server. */
  readonly apiUrl: string;
  /** Page of the repository for people. */
  readonly url: string;
  /** `owner/name`. */
  readonly fullName: string;
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How long one call may take, in ms. */
const TIMEOUT_MS = 20_000;

/** GitHub as one person reaches it, with a token of theirs. */
export function octokitPersonalForge({ apiUrl, url, fullName, token, now }: PersonalOptions): PersonalForge {
  const octokit = new Octokit({ baseUrl: apiUrl, userAgent: "sluice", auth: token, log: QUIET });
  octokit.hook.before("request", (options) => {
    options.request = { ...options.request, signal: AbortSignal.timeout(TIMEOUT_MS) };
  });
  const [owner = "", repo = ""] = fullName.split("/");
  const at = { owner, repo };
  const ask = async <Value>(call: () => Promise<{ readonly data: Value }>): Promise<Answer<Value>> => {
    try {
      return { kind: "ok", value: (await call()).data };
    } catch (error) {
      return refusalOf(error, now());
    }
  };
  return {
    fullName,
    url,
    async openPullRequests() {
      const answer = await pages((page) =>
        ask(() => octokit.rest.pulls.list({ ...at, state: "open", per_page: 100, page })),
      );
      return map(answer, (list) => list.map(pullRequestOf));
    },
    async pullRequestsOf(commit) {
      const answer = await ask(() =>
        octokit.rest.repos.listPullRequestsAssociatedWithCommit({ ...at, commit_sha: commit }),
      );
      return map(answer, (list) => list.map(pullRequestOf));
    },
    async lastMerged() {
      const answer = await ask(() =>
        octokit.rest.pulls.list({ ...at, state: "closed", sort: "updated", direction: "desc", per_page: 100 }),
      );
      return map(answer, (list) => {
        const merged = list.filter((one) => one.merged_at !== null);
        const [newest] = merged.toSorted((a, b) => Date.parse(b.merged_at ?? "") - Date.parse(a.merged_at ?? ""));
        return newest === undefined ? null : pullRequestOf(newest);
      });
    },
    async say(number, body) {
      return map(await ask(() => octokit.rest.issues.createComment({ ...at, issue_number: number, body })), commentOf);
    },
    async reactions(comment) {
      const answer = await ask(() =>
        octokit.rest.reactions.listForIssueComment({ ...at, comment_id: comment, per_page: 100 }),
      );
      return map(answer, (list) => list.map(({ user, content }) => ({ by: personOf(user), content })));
    },
    async comments(number) {
      const answer = await pages((page) =>
        ask(() => octokit.rest.issues.listComments({ ...at, issue_number: number, per_page: 100, page })),
      );
      return map(answer, (list) => list.map(commentOf));
    },
  };
}

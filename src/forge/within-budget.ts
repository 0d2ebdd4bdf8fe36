import type { Answer, Forge, Forges } from "./forge.ts";
import type { SpendWrites } from "../scheduling/write-budget.ts";

/**
 * Forges whose pull requests are written out of the same budget as what waits in the outbox, whose
 * sender counts for itself.
 */
export function withinBudget(forges: Forges, spend: SpendWrites, now: () => number): Forges {
  return {
    ...forges,
    open(repository) {
      const forge = forges.open(repository);
      const counted =
        <Args extends readonly unknown[], Value>(write: (...args: Args) => Promise<Answer<Value>>) =>
        async (...args: Args): Promise<Answer<Value>> => {
          const spent = await spend(repository.installation, 1);
          if (spent.kind === "ok") return write(...args);
          return { kind: "wait", until: now() + spent.afterMs, why: "our own limit on writes an hour" };
        };
      return { ...forge, ...writesOf(forge, counted) };
    },
  };
}

/** Who counts what a member writes; whoever adds one to a forge has to say. */
interface Counted {
  readonly repository: "nobody";
  readonly app: "nobody";
  readonly date: "nobody";
  readonly about: "nobody";
  readonly gitToken: "nobody";
  readonly pullRequest: "nobody";
  readonly openPullRequests: "nobody";
  readonly closedPullRequestsSince: "nobody";
  readonly pullRequestsOf: "nobody";
  readonly pullRequestsOfBranch: "nobody";
  readonly createPullRequest: "here";
  readonly updatePullRequest: "here";
  readonly merge: "here";
  // Asked at every look, and nearly always only read; what they write is no content that anybody is notified of.
  readonly enqueue: "nobody";
  readonly dequeue: "nobody";
  readonly enqueuedBy: "nobody";
  readonly reviews: "nobody";
  readonly labelEvents: "nobody";
  readonly commitAuthors: "nobody";
  readonly authorsOf: "nobody";
  readonly createDeployment: "outbox";
  readonly setDeployment: "outbox";
  readonly findDeployment: "nobody";
  readonly comment: "nobody";
  readonly ownComments: "nobody";
  readonly pullRequestCommentsSince: "nobody";
  readonly hasAnswered: "nobody";
  readonly createComment: "outbox";
  readonly editComment: "outbox";
  readonly deleteComment: "outbox";
  readonly minimizeComment: "outbox";
  readonly findCheck: "nobody";
  readonly writeCheck: "outbox";
  readonly addLabels: "outbox";
  readonly removeLabel: "outbox";
  readonly react: "outbox";
  readonly loginOf: "nobody";
  readonly permission: "nobody";
  readonly teamMember: "nobody";
  readonly findIssue: "nobody";
  readonly createIssue: "outbox";
  readonly updateIssue: "outbox";
  readonly closeIssue: "outbox";
}

type Written = {
  [Member in keyof Forge]: Counted[Member] extends "here" ? Member : never;
}[keyof Forge];

function writesOf(
  forge: Forge,
  counted: <Args extends readonly unknown[], Value>(
    write: (...args: Args) => Promise<Answer<Value>>,
  ) => (...args: Args) => Promise<Answer<Value>>,
): Pick<Forge, Written> {
  return {
    createPullRequest: counted((wanted: Parameters<Forge["createPullRequest"]>[0]) => forge.createPullRequest(wanted)),
    updatePullRequest: counted((number: number, change: Parameters<Forge["updatePullRequest"]>[1]) =>
      forge.updatePullRequest(number, change),
    ),
    merge: counted((number: number, expected: Parameters<Forge["merge"]>[1]) => forge.merge(number, expected)),
  };
}

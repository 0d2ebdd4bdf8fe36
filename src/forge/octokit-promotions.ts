import type { Octokit } from "@octokit/rest";

import type { Person } from "../identity/repository.ts";
import type { Answer, Forge, LabelEvent, Review } from "./forge.ts";
import { map, pages } from "./octokit-pages.ts";
import { personOf, pullRequestOf, shaOf } from "./octokit-shapes.ts";

type Promoting = Pick<
  Forge,
  | "pullRequestsOfBranch"
  | "createPullRequest"
  | "updatePullRequest"
  | "merge"
  | "reviews"
  | "labelEvents"
  | "commitAuthors"
  | "authorsOf"
  | "createDeployment"
  | "setDeployment"
  | "findDeployment"
>;

interface Asking {
  readonly ask: <Value>(
    call: (octokit: Octokit, headers: { readonly authorization: string }) => Promise<{ readonly data: Value }>,
  ) => Promise<Answer<Value>>;
  readonly at: { readonly owner: string; readonly repo: string };
  /** Number of the repository. */
  readonly own: number;
}

/** What promotions ask of GitHub: pull requests of our own, who agreed to them, and deployments. */
export function octokitPromotions({ ask, at, own }: Asking): Promoting {
  return {
    async pullRequestsOfBranch(branch) {
      const head = `${at.owner}:${branch}`;
      const answer = await pages((page) =>
        ask((octokit, headers) => octokit.rest.pulls.list({ ...at, state: "all", head, per_page: 100, page, headers })),
      );
      // A fork of the same owner may have a branch of that name, too.
      return map(answer, (list) =>
        list
          .map(pullRequestOf)
          .filter((pull) => pull.head.repository === own)
          .toSorted((a, b) => b.number - a.number),
      );
    },
    async createPullRequest(wanted) {
      const answer = await ask((octokit, headers) => octokit.rest.pulls.create({ ...at, ...wanted, headers }));
      return map(answer, (found) => pullRequestOf(found));
    },
    async updatePullRequest(number, change) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.pulls.update({ ...at, pull_number: number, ...change, headers }),
      );
      return map(answer, (found) => pullRequestOf(found));
    },
    async merge(number, { sha, title }) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.pulls.merge({
          ...at,
          pull_number: number,
          sha,
          commit_title: title,
          merge_method: "squash",
          headers,
        }),
      );
      return map(answer, (found) => shaOf(found.sha));
    },
    async reviews(number) {
      const answer = await pages((page) =>
        ask((octokit, headers) =>
          octokit.rest.pulls.listReviews({ ...at, pull_number: number, per_page: 100, page, headers }),
        ),
      );
      return map(answer, (list) => list.map(reviewOf));
    },
    async labelEvents(number) {
      const answer = await pages((page) =>
        ask((octokit, headers) =>
          octokit.rest.issues.listEvents({ ...at, issue_number: number, per_page: 100, page, headers }),
        ),
      );
      return map(answer, (list) => list.flatMap((event) => labelEventOf(event as ApiEvent)));
    },
    async commitAuthors(number) {
      const answer = await pages((page) =>
        ask((octokit, headers) =>
          octokit.rest.pulls.listCommits({ ...at, pull_number: number, per_page: 100, page, headers }),
        ),
      );
      return map(answer, (list) => distinct(list.flatMap(({ author, committer }) => [author, committer])));
    },
    async authorsOf(ref) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.repos.getCommit({ ...at, ref, per_page: 1, headers }),
      );
      return map(answer, ({ author, committer }) => distinct([author, committer]));
    },
    async createDeployment({ ref, environment, pipeline, description }) {
      const answer = await ask<{ readonly id?: number; readonly message?: string }>(async (octokit, headers) => {
        const { data } = await octokit.rest.repos.createDeployment({
          ...at,
          ref,
          environment,
          task: taskOf(pipeline),
          description: description.slice(0, 140),
          auto_merge: false,
          required_contexts: [],
          headers,
        });
        return { data };
      });
      if (answer.kind !== "ok") return answer;
      const { id, message } = answer.value;
      // 202: the forge did something else first, and says what.
      return id === undefined
        ? { kind: "refused", status: 202, why: message ?? "no deployment" }
        : { kind: "ok", value: id };
    },
    async setDeployment(id, state, description) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.repos.createDeploymentStatus({
          ...at,
          deployment_id: id,
          state,
          description: description.slice(0, 140),
          headers,
        }),
      );
      return map(answer, () => null);
    },
    async findDeployment({ environment, pipeline }) {
      const listed = await ask((octokit, headers) =>
        octokit.rest.repos.listDeployments({
          ...at,
          environment,
          task: taskOf(pipeline),
          per_page: 1,
          headers,
        }),
      );
      if (listed.kind !== "ok") return listed;
      const [newest] = listed.value;
      if (newest === undefined) return { kind: "ok", value: null };
      const states = await ask((octokit, headers) =>
        octokit.rest.repos.listDeploymentStatuses({ ...at, deployment_id: newest.id, per_page: 1, headers }),
      );
      return map(states, ([last]) => ({ id: newest.id, sha: shaOf(newest.sha), state: last?.state ?? null }));
    },
  };
}

/** By which the forge tells the deployments of a commit to an environment apart. */
function taskOf(pipeline: string): string {
  return `deploy:${pipeline}`;
}

const STATES: Readonly<Record<string, Review["state"]>> = {
  APPROVED: "approved",
  CHANGES_REQUESTED: "changes-requested",
  DISMISSED: "dismissed",
};

function reviewOf(found: {
  readonly id: number;
  readonly user: Parameters<typeof personOf>[0];
  readonly state: string;
  readonly commit_id: string | null;
  readonly submitted_at?: string;
}): Review {
  return {
    id: found.id,
    author: personOf(found.user),
    state: STATES[found.state] ?? "commented",
    commit: found.commit_id === null ? null : shaOf(found.commit_id),
    at: found.submitted_at ?? "",
  };
}

interface ApiEvent {
  readonly id: number;
  readonly event: string;
  readonly actor: Parameters<typeof personOf>[0];
  readonly created_at: string;
  readonly label?: { readonly name?: string };
}

function labelEventOf({ id, event, actor, created_at: at, label }: ApiEvent): readonly LabelEvent[] {
  if ((event !== "labeled" && event !== "unlabeled") || label?.name === undefined) return [];
  return [{ id, label: label.name, added: event === "labeled", actor: personOf(actor), at }];
}

/** Commits whose address belongs to no account name nobody who could approve. */
function distinct(users: readonly unknown[]): readonly Person[] {
  const found = new Map<number, Person>();
  for (const user of users) {
    if (typeof user !== "object" || user === null || !("id" in user) || !("login" in user)) continue;
    const person = personOf(user as Parameters<typeof personOf>[0]);
    found.set(person.id, person);
  }
  return [...found.values()];
}

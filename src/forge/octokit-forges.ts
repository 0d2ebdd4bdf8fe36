import type { RepositoryRef } from "../identity/repository.ts";
import type { Answer, Forge, Forges } from "./forge.ts";
import { octokitCalls, type Calls, type OctokitOptions } from "./octokit-calls.ts";
import { writeCheck } from "./octokit-checks.ts";
import { closedSince } from "./octokit-closed.ts";
import { map, pages } from "./octokit-pages.ts";
import { octokitPromotions } from "./octokit-promotions.ts";
import { octokitQueue } from "./octokit-queue.ts";
import { commentOf, permissionOf, pullRequestOf } from "./octokit-shapes.ts";

/** GitHub through its REST API. */
export function octokitForges(options: OctokitOptions): Forges {
  const calls = octokitCalls(options);
  const names: Names = new Map();
  return {
    async repositories() {
      const all = await allRepositories(calls);
      if (all.kind === "ok") for (const { id, fullName } of all.value) names.set(id, fullName);
      return all;
    },
    letIn: (installation) => calls.letIn(installation),
    open: (repository) => openForge(calls, { app: options.appId, names }, repository),
  };
}

/** Newest names of repositories by id: a name from a delivery, or of yesterday, may be another repository's by now. */
type Names = Map<number, string>;

async function allRepositories(calls: Calls): Promise<Answer<readonly RepositoryRef[]>> {
  const installations = await pages((page) =>
    calls.again(
      {
        installation: null,
        name: `installations ${page}`,
        call: (octokit, headers) => octokit.rest.apps.listInstallations({ per_page: 100, page, headers }),
      },
      (list) => list.map(({ id, suspended_at }) => ({ id, suspended_at })),
    ),
  );
  if (installations.kind !== "ok") return installations;
  const found: RepositoryRef[] = [];
  for (const { id, suspended_at } of installations.value) {
    if (suspended_at !== null && suspended_at !== undefined) continue;
    const listed = await pages((page) =>
      calls.again(
        {
          installation: id,
          name: `repositories ${page}`,
          call: (octokit, headers) =>
            octokit.rest.apps.listReposAccessibleToInstallation({ per_page: 100, page, headers }),
        },
        ({ repositories }) => repositories.map((one) => ({ installation: id, id: one.id, fullName: one.full_name })),
      ),
    );
    if (listed.kind !== "ok") return listed;
    found.push(...listed.value);
  }
  return { kind: "ok", value: found };
}

/** The account by which the App itself comments and reacts. */
async function ownLogin(calls: Calls): Promise<Answer<string>> {
  const answer = await calls.asApp((octokit, headers) => octokit.rest.apps.getAuthenticated({ headers }));
  return answer.kind !== "ok" || answer.value !== null
    ? map(answer, (app) => `${app?.slug ?? ""}[bot]`)
    : { kind: "not-found" };
}

const DONE = (): null => null;

function openForge(
  calls: Calls,
  { app, names }: { readonly app: number; readonly names: Names },
  repository: RepositoryRef,
): Forge {
  const fullName = (): string => names.get(repository.id) ?? repository.fullName;
  // Read at each call: a repository may be renamed while we hold it.
  const at = {
    get owner() {
      return fullName().split("/")[0] ?? "";
    },
    get repo() {
      return fullName().split("/")[1] ?? "";
    },
  };
  type Call<Value> = Parameters<typeof calls.as<Value>>[1];
  const ask = <Value>(call: Call<Value>): Promise<Answer<Value>> => calls.as(repository.installation, call);
  return {
    ...octokitPromotions({ ask, at, own: repository.id }),
    ...octokitQueue({ ask, at }, () => calls.date() ?? 0),
    repository,
    app,
    date: () => calls.date(),
    gitToken: () => calls.token(repository.installation),
    async about() {
      const answer = await calls.again(
        {
          installation: repository.installation,
          name: `${repository.id} ${fullName()}`,
          call: (octokit, headers) => octokit.rest.repos.get({ ...at, headers }),
        },
        (found) => ({
          ref: { ...repository, id: found.id, fullName: found.full_name },
          defaultBranch: found.default_branch,
          cloneUrl: found.clone_url,
          url: found.html_url,
          fork: found.fork,
        }),
      );
      if (answer.kind !== "ok") return answer;
      // Its name was given to another one.
      if (answer.value.ref.id !== repository.id) return { kind: "not-found" };
      names.set(repository.id, answer.value.ref.fullName);
      return answer;
    },
    async pullRequest(number) {
      const answer = await ask((octokit, headers) => octokit.rest.pulls.get({ ...at, pull_number: number, headers }));
      return map(answer, (found) => pullRequestOf(found));
    },
    async openPullRequests() {
      return pages((page) =>
        calls.again(
          {
            installation: repository.installation,
            name: `${fullName()} pulls ${page}`,
            call: (octokit, headers) => octokit.rest.pulls.list({ ...at, state: "open", per_page: 100, page, headers }),
          },
          (list) => list.map(pullRequestOf),
        ),
      );
    },
    closedPullRequestsSince: (since, from) =>
      closedSince(calls, { installation: repository.installation, fullName: fullName() }, { since, from }),
    async pullRequestsOf(commit) {
      return calls.again(
        {
          installation: repository.installation,
          name: `${fullName()} pulls of ${commit}`,
          call: (octokit, headers) =>
            octokit.rest.repos.listPullRequestsAssociatedWithCommit({ ...at, commit_sha: commit, headers }),
        },
        (list) => list.map(pullRequestOf),
      );
    },
    async comment(id) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.issues.getComment({ ...at, comment_id: id, headers }),
      );
      return map(answer, commentOf);
    },
    async ownComments(number) {
      const answer = await pages((page) =>
        ask((octokit, headers) =>
          octokit.rest.issues.listComments({ ...at, issue_number: number, per_page: 100, page, headers }),
        ),
      );
      return map(answer, (list) => list.map(commentOf).filter((comment) => comment.app === app));
    },
    async pullRequestCommentsSince(since) {
      const answer = await pages((page) =>
        ask((octokit, headers) =>
          octokit.rest.issues.listCommentsForRepo({
            ...at,
            since,
            sort: "updated",
            direction: "asc",
            per_page: 100,
            page,
            headers,
          }),
        ),
      );
      return map(answer, (list) =>
        list.flatMap((found) => {
          // Comments of issues come along; those of pull requests have other addresses.
          const number = Number(/\/pull\/(\d+)#/.exec(found.html_url)?.[1]);
          return Number.isSafeInteger(number) ? [{ number, comment: commentOf(found) }] : [];
        }),
      );
    },
    async hasAnswered(comment) {
      const self = await ownLogin(calls);
      if (self.kind !== "ok") return self;
      const answer = await pages((page) =>
        ask((octokit, headers) =>
          octokit.rest.reactions.listForIssueComment({ ...at, comment_id: comment, per_page: 100, page, headers }),
        ),
      );
      return map(answer, (list) => list.some((one) => one.user?.login === self.value && one.content !== "eyes"));
    },
    async createComment(number, body) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.issues.createComment({ ...at, issue_number: number, body, headers }),
      );
      return map(answer, commentOf);
    },
    async editComment(id, body) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.issues.updateComment({ ...at, comment_id: id, body, headers }),
      );
      return map(answer, commentOf);
    },
    async deleteComment(id) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.issues.deleteComment({ ...at, comment_id: id, headers }),
      );
      return map<unknown, null>(answer, DONE);
    },
    async minimizeComment(node) {
      const answer = await ask(async (octokit, headers) => ({
        data: await octokit.graphql(MINIMIZE, { node, headers }),
      }));
      return map<unknown, null>(answer, DONE);
    },
    async findCheck(head, name) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.checks.listForRef({ ...at, ref: head, check_name: name, app_id: app, headers }),
      );
      return map(answer, ({ check_runs: runs }) => {
        const newest = runs.toSorted((a, b) => b.id - a.id)[0];
        return newest === undefined
          ? null
          : {
              id: newest.id,
              externalId: newest.external_id ?? "",
              annotations: newest.output.annotations_count,
            };
      });
    },
    writeCheck: (check, id) => writeCheck({ ask, at }, check, id),
    async addLabels(number, labels) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.issues.addLabels({ ...at, issue_number: number, labels: [...labels], headers }),
      );
      return map<unknown, null>(answer, DONE);
    },
    async removeLabel(number, label) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.issues.removeLabel({ ...at, issue_number: number, name: label, headers }),
      );
      return answer.kind === "not-found" ? { kind: "ok", value: null } : map<unknown, null>(answer, DONE);
    },
    async react(comment, content) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.reactions.createForIssueComment({ ...at, comment_id: comment, content, headers }),
      );
      return map<unknown, null>(answer, DONE);
    },
    async loginOf(account) {
      const answer = await ask((octokit, headers) => octokit.rest.users.getById({ account_id: account, headers }));
      return map(answer, (found) => found.login);
    },
    async permission(login) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.repos.getCollaboratorPermissionLevel({ ...at, username: login, headers }),
      );
      if (answer.kind === "not-found") return { kind: "ok", value: "none" };
      return map(answer, (found) => permissionOf(found.role_name, found.permission));
    },
    async teamMember(team, login) {
      const [org, slug] = team.includes("/") ? team.split("/", 2) : [at.owner, team];
      const answer = await ask((octokit, headers) =>
        octokit.rest.teams.getMembershipForUserInOrg({
          org: org ?? at.owner,
          team_slug: slug ?? team,
          username: login,
          headers,
        }),
      );
      if (answer.kind === "not-found") return { kind: "ok", value: false };
      return map(answer, (found) => found.state === "active");
    },
    async findIssue(marker) {
      const answer = await pages((page) =>
        ask((octokit, headers) =>
          octokit.rest.issues.listForRepo({ ...at, state: "open", per_page: 100, page, headers }),
        ),
      );
      return map(answer, (issues) => {
        const found = issues.find(
          (issue) => issue.performed_via_github_app?.id === app && issue.body?.includes(marker),
        );
        return found === undefined ? null : { number: found.number, title: found.title, body: found.body ?? "" };
      });
    },
    async createIssue(title, body) {
      const answer = await ask((octokit, headers) => octokit.rest.issues.create({ ...at, title, body, headers }));
      return map(answer, ({ number }) => ({ number }));
    },
    async updateIssue(number, change) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.issues.update({ ...at, issue_number: number, ...change, headers }),
      );
      return map<unknown, null>(answer, DONE);
    },
    async closeIssue(number) {
      const answer = await ask((octokit, headers) =>
        octokit.rest.issues.update({ ...at, issue_number: number, state: "closed", headers }),
      );
      return map<unknown, null>(answer, DONE);
    },
  };
}

const MINIMIZE = `mutation ($node: ID!) {
  minimizeComment(input: { subjectId: $node, classifier: OUTDATED }) { minimizedComment { __typename isMinimized } }
}`;

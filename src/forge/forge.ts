import type { CommitSha } from "../identity/identity.ts";
import type { Person, RepositoryRef } from "../identity/repository.ts";

/** What the forge answered, or why it did not: the world's refusals are values. */
export type Answer<Value> =
  | { readonly kind: "ok"; readonly value: Value }
  | { readonly kind: "not-found" }
  /** No permission, wrong state or a body the forge does not take; asking again would not help. */
  | { readonly kind: "refused"; readonly status: number; readonly why: string }
  /** A primary or secondary limit: not before `until` (ms since 1970). */
  | { readonly kind: "wait"; readonly until: number; readonly why: string }
  /** 5xx, network, time-out. */
  | { readonly kind: "unreachable"; readonly why: string };

export interface RepositoryFacts {
  readonly ref: RepositoryRef;
  readonly defaultBranch: string;
  /** For git over HTTP. */
  readonly cloneUrl: string;
  /** Page of the repository for people. */
  readonly url: string;
  readonly fork: boolean;
}

export interface PullRequest {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "closed";
  readonly draft: boolean;
  readonly merged: boolean;
  readonly mergeCommit: CommitSha | null;
  /** ISO 8601, to the second. */
  readonly mergedAt: string | null;
  /** Null in lists, which do not tell it. */
  readonly mergedBy: Person | null;
  readonly author: Person;
  readonly head: { readonly sha: CommitSha; readonly branch: string; readonly repository: number | null };
  readonly base: { readonly sha: CommitSha; readonly branch: string };
  readonly labels: readonly string[];
}

/** What somebody said of a pull request by a review; the newest of each person counts. */
export interface Review {
  readonly id: number;
  readonly author: Person;
  readonly state: "approved" | "changes-requested" | "dismissed" | "commented";
  /** The head that was looked at. */
  readonly commit: CommitSha | null;
  readonly at: string;
}

/** Somebody put a label on a pull request or took it off. */
export interface LabelEvent {
  readonly id: number;
  readonly label: string;
  readonly added: boolean;
  readonly actor: Person;
  readonly at: string;
}

/** What a deployment is of: a commit may bring several pipelines to one environment. */
export interface DeploymentPlace {
  readonly ref: string;
  readonly environment: string;
  readonly pipeline: string;
}

export type DeploymentState = "in_progress" | "success" | "failure" | "error" | "inactive";

export interface Issue {
  readonly number: number;
  readonly title: string;
  readonly body: string;
}

export interface Comment {
  readonly id: number;
  /** For GraphQL (minimising). */
  readonly node: string;
  readonly body: string;
  readonly author: Person;
  /** App that wrote it, null for people. */
  readonly app: number | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Annotation {
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly startColumn: number | null;
  readonly endColumn: number | null;
  readonly level: "notice" | "warning" | "failure";
  readonly title: string;
  readonly message: string;
}

export type CheckConclusion = "success" | "failure" | "neutral" | "cancelled" | "skipped" | "action_required";

/** A check run as it should be. */
export interface Check {
  readonly head: CommitSha;
  readonly name: string;
  readonly status: "queued" | "in_progress" | "completed";
  readonly conclusion: CheckConclusion | null;
  readonly title: string;
  /** Markdown, at most 65,535 characters each. */
  readonly summary: string;
  readonly text: string;
  readonly annotations: readonly Annotation[];
  /** At most three buttons; label ≤ 20, description ≤ 40, identifier ≤ 20 characters. */
  readonly actions: readonly { readonly label: string; readonly description: string; readonly identifier: string }[];
  /** Ours: names what the check was made from, so that the same state is not written twice. */
  readonly externalId: string;
}

export type Permission = "admin" | "maintain" | "write" | "triage" | "read" | "none";

/** Some of the closed pull requests that changed since a moment. */
export interface ClosedPullRequests {
  readonly pulls: readonly PullRequest[];
  /** The page from which to ask on for what changed earlier; null: that was all. */
  readonly next: number | null;
}

/** One repository on the forge, seen and written as the App. Held by contract/forge.ts. */
export interface Forge {
  readonly repository: RepositoryRef;
  /** Id of the App, by which our own comments and checks are known. */
  readonly app: number;
  about(): Promise<Answer<RepositoryFacts>>;
  /** A token for git over HTTP as user `x-access-token`; short-lived, cached until shortly before its end. */
  gitToken(): Promise<Answer<string>>;
  pullRequest(number: number): Promise<Answer<PullRequest>>;
  openPullRequests(): Promise<Answer<readonly PullRequest[]>>;
  /** Closed ones that changed since then (RFC 3339), the newest change first, from that page of them on (the first is 1). */
  closedPullRequestsSince(since: string, from: number): Promise<Answer<ClosedPullRequests>>;
  pullRequestsOf(commit: CommitSha): Promise<Answer<readonly PullRequest[]>>;
  /** Pull requests of one branch of this repository, open and closed, newest first. */
  pullRequestsOfBranch(branch: string): Promise<Answer<readonly PullRequest[]>>;
  createPullRequest(wanted: {
    readonly title: string;
    readonly body: string;
    readonly head: string;
    readonly base: string;
  }): Promise<Answer<PullRequest>>;
  updatePullRequest(
    number: number,
    change: {
      readonly title?: string;
      readonly body?: string;
      readonly state?: "open" | "closed";
      /** The branch that it is to be merged into. */
      readonly base?: string;
    },
  ): Promise<Answer<PullRequest>>;
  /** Merges if the head still is `sha`; refused where it is not, or where the forge's rules do not let it. */
  merge(number: number, expected: { readonly sha: CommitSha; readonly title: string }): Promise<Answer<CommitSha>>;
  /** Puts a pull request into its branch's merge queue, if the head still is `sha`; being there already is enough. */
  enqueue(
    number: number,
    expected: { readonly sha: CommitSha; readonly branch: string },
  ): Promise<Answer<"queued" | "no-queue">>;
  /** Takes a pull request out of its branch's merge queue; whether it was in one. */
  dequeue(number: number, branch: string): Promise<Answer<boolean>>;
  /** Who put a pull request into a merge queue last; null: nobody. */
  enqueuedBy(number: number): Promise<Answer<Person | null>>;
  reviews(number: number): Promise<Answer<readonly Review[]>>;
  /** Oldest first. */
  labelEvents(number: number): Promise<Answer<readonly LabelEvent[]>>;
  /** Accounts of the authors and committers of a pull request's commits. */
  commitAuthors(number: number): Promise<Answer<readonly Person[]>>;
  /** Accounts of the author and the committer of one commit. */
  authorsOf(commit: CommitSha): Promise<Answer<readonly Person[]>>;
  createDeployment(wanted: DeploymentPlace & { readonly description: string }): Promise<Answer<number>>;
  setDeployment(id: number, state: DeploymentState, description: string): Promise<Answer<null>>;
  /** The newest deployment of a pipeline to an environment, of which commit it is and what it was set to last. */
  findDeployment(
    place: Omit<DeploymentPlace, "ref">,
  ): Promise<Answer<{ readonly id: number; readonly sha: CommitSha; readonly state: string | null } | null>>;
  comment(id: number): Promise<Answer<Comment>>;
  /** Comments of the App itself on an issue or pull request, oldest first. */
  ownComments(number: number): Promise<Answer<readonly Comment[]>>;
  /** Comments at pull requests that were written or edited since then (RFC 3339), oldest first. */
  pullRequestCommentsSince(
    since: string,
  ): Promise<Answer<readonly { readonly number: number; readonly comment: Comment }[]>>;
  /** Whether the App itself has answered a comment by a reaction (👀 only says that it was seen). */
  hasAnswered(comment: number): Promise<Answer<boolean>>;
  createComment(number: number, body: string): Promise<Answer<Comment>>;
  editComment(id: number, body: string): Promise<Answer<Comment>>;
  deleteComment(id: number): Promise<Answer<null>>;
  minimizeComment(node: string): Promise<Answer<null>>;
  /** Newest check run of ours with this name on a commit. */
  findCheck(
    head: CommitSha,
    name: string,
  ): Promise<Answer<{ readonly id: number; readonly externalId: string; readonly annotations: number } | null>>;
  /** Creates the check or updates the one given; annotations go in batches of 50. */
  writeCheck(check: Check, id: number | null): Promise<Answer<number>>;
  addLabels(number: number, labels: readonly string[]): Promise<Answer<null>>;
  removeLabel(number: number, label: string): Promise<Answer<null>>;
  react(comment: number, content: "eyes" | "rocket" | "confused"): Promise<Answer<null>>;
  /** What an account is called at this moment: a login that it had may be somebody else's by now. */
  loginOf(account: number): Promise<Answer<string>>;
  /** The permission somebody really has at this moment. */
  permission(login: string): Promise<Answer<Permission>>;
  /** Whether somebody is an active member of a team (`slug` or `org/slug`). */
  teamMember(team: string, login: string): Promise<Answer<boolean>>;
  /** The open issue of ours whose body holds a marker. */
  findIssue(marker: string): Promise<Answer<Issue | null>>;
  createIssue(title: string, body: string): Promise<Answer<{ readonly number: number }>>;
  updateIssue(number: number, change: Pick<Issue, "title" | "body">): Promise<Answer<null>>;
  closeIssue(number: number): Promise<Answer<null>>;
  /** `Date` of the forge's last answer (ms since 1970): the clock that facts are dated by. */
  date(): number | null;
}

/** All repositories an App is installed in. */
export interface Forges {
  repositories(): Promise<Answer<readonly RepositoryRef[]>>;
  /** The App is said to be in an installation now: whoever was shut out a moment ago may ask again at once. */
  letIn(installation: number): void;
  open(repository: RepositoryRef): Forge;
}

/** One repository as a person reaches it, with a token of their own: what is said here is said by them. */
export interface PersonalForge {
  /** `owner/name`. */
  readonly fullName: string;
  /** Page of the repository for people. */
  readonly url: string;
  openPullRequests(): Promise<Answer<readonly PullRequest[]>>;
  pullRequestsOf(commit: CommitSha): Promise<Answer<readonly PullRequest[]>>;
  /** The pull request that was merged last; null where none was. */
  lastMerged(): Promise<Answer<PullRequest | null>>;
  /** Comments on a pull request. */
  say(number: number, body: string): Promise<Answer<Comment>>;
  reactions(comment: number): Promise<Answer<readonly { readonly by: Person; readonly content: string }[]>>;
  /** Oldest first. */
  comments(number: number): Promise<Answer<readonly Comment[]>>;
}

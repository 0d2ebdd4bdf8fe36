import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { Person } from "../identity/repository.ts";
import type { Comment, Permission, PullRequest } from "./forge.ts";

interface ApiUser {
  readonly id: number;
  readonly login: string;
  readonly type?: string;
}

/** An account as the API gives it. */
export function personOf(user: ApiUser | null | undefined): Person {
  // An account that was deleted is GitHub's "ghost".
  return user === null || user === undefined
    ? { id: 10_137, login: "ghost", bot: false }
    : { id: user.id, login: user.login, bot: user.type === "Bot" };
}

interface ApiPullRequest {
  readonly number: number;
  readonly title: string;
  readonly body?: string | null;
  readonly state: string;
  readonly draft?: boolean | undefined;
  readonly merged_at: string | null;
  readonly merge_commit_sha: string | null;
  readonly merged_by?: ApiUser | null;
  readonly user: ApiUser | null;
  readonly head: { readonly sha: string; readonly ref: string; readonly repo: { readonly id: number } | null };
  readonly base: { readonly sha: string; readonly ref: string };
  readonly labels: readonly { readonly name: string }[];
}

/** A pull request as the API gives it, in the port's words. */
export function pullRequestOf(found: ApiPullRequest): PullRequest {
  const merged = found.merged_at !== null;
  return {
    number: found.number,
    title: found.title,
    body: found.body ?? "",
    state: found.state === "closed" ? "closed" : "open",
    draft: found.draft === true,
    merged,
    // Of an open pull request it names a test merge, which is nobody's commit.
    mergeCommit: merged && found.merge_commit_sha !== null ? shaOf(found.merge_commit_sha) : null,
    mergedAt: found.merged_at,
    mergedBy: found.merged_by === undefined || found.merged_by === null ? null : personOf(found.merged_by),
    author: personOf(found.user),
    head: { sha: shaOf(found.head.sha), branch: found.head.ref, repository: found.head.repo?.id ?? null },
    base: { sha: shaOf(found.base.sha), branch: found.base.ref },
    labels: found.labels.map(({ name }) => name),
  };
}

/** A commit id that the API gave. */
export function shaOf(text: string): CommitSha {
  const sha = parseCommitSha(text);
  if (sha === undefined) throw new Error(`the forge answered with ${text.slice(0, 80)} where a commit id belongs`);
  return sha;
}

interface ApiComment {
  readonly id: number;
  readonly node_id: string;
  readonly body?: string;
  readonly user: ApiUser | null;
  readonly performed_via_github_app?: { readonly id: number } | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A comment as the API gives it, in the port's words. */
export function commentOf(found: ApiComment): Comment {
  return {
    id: found.id,
    node: found.node_id,
    body: found.body ?? "",
    author: personOf(found.user),
    app: found.performed_via_github_app?.id ?? null,
    createdAt: found.created_at,
    updatedAt: found.updated_at,
  };
}

const PERMISSIONS: readonly Permission[] = ["admin", "maintain", "write", "triage", "read"];

/** A role of an organisation's own making counts as its base, which GitHub gives in `permission`. */
export function permissionOf(role: string | undefined, base: string): Permission {
  return PERMISSIONS.find((known) => known === role) ?? PERMISSIONS.find((known) => known === base) ?? "none";
}

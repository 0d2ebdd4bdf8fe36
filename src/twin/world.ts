import { randomUUID } from "node:crypto";

/** Everything about repositories that is not in git: the twin's memory. */
export interface User {
  readonly id: number;
  readonly login: string;
  readonly type: "User" | "Bot" | "Organization";
}

export type Role = "admin" | "maintain" | "write" | "triage" | "read" | "none";

export interface TwinComment {
  readonly id: number;
  body: string;
  readonly user: User;
  readonly app: number | null;
  readonly createdAt: string;
  updatedAt: string;
  readonly reactions: { readonly user: User; readonly content: string }[];
  minimized: boolean;
}

export interface TwinReview {
  readonly id: number;
  readonly user: User;
  state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED" | "DISMISSED";
  readonly commit: string;
  readonly body: string;
  readonly at: string;
}

/** A label put on or taken off. */
export interface TwinEvent {
  readonly id: number;
  readonly event: "labeled" | "unlabeled" | "added_to_merge_queue" | "removed_from_merge_queue";
  /** Null for events of another kind. */
  readonly label: string | null;
  readonly actor: User;
  readonly at: string;
}

export interface TwinDeployment {
  readonly id: number;
  readonly ref: string;
  readonly sha: string;
  readonly task: string;
  readonly environment: string;
  readonly description: string;
  readonly creator: User;
  readonly at: string;
  readonly statuses: {
    readonly id: number;
    readonly state: string;
    readonly description: string;
    readonly at: string;
  }[];
}

export interface TwinPullRequest {
  readonly number: number;
  readonly id: number;
  title: string;
  body: string;
  readonly user: User;
  state: "open" | "closed";
  draft: boolean;
  merged: boolean;
  mergeCommit: string | null;
  /** Where the head's branch lies: the repository itself, or a fork of it. */
  readonly from: TwinRepository;
  readonly branch: string;
  base: string;
  head: string;
  baseSha: string;
  labels: string[];
  readonly reviews: TwinReview[];
  readonly events: TwinEvent[];
  readonly createdAt: string;
  updatedAt: string;
  mergedAt: string | null;
  mergedBy: User | null;
  /** Of head against base. */
  size: PullSize;
}

/** A pull request in a queue, by the commit that was made of it. */
export interface QueueEntry {
  readonly head: string;
  readonly base: string;
  readonly branch: string;
}

export interface PullSize {
  readonly commits: number;
  readonly files: number;
  readonly additions: number;
  readonly deletions: number;
}

export interface TwinIssue {
  readonly number: number;
  readonly id: number;
  title: string;
  body: string;
  readonly user: User;
  readonly app: number | null;
  state: "open" | "closed";
  labels: string[];
  readonly createdAt: string;
  updatedAt: string;
}

export interface TwinCheck {
  readonly id: number;
  readonly name: string;
  readonly head: string;
  status: string;
  conclusion: string | null;
  externalId: string;
  output: { title: string; summary: string; text: string; annotations: Record<string, unknown>[] };
  actions: { readonly label: string; readonly description: string; readonly identifier: string }[];
  readonly startedAt: string;
  completedAt: string | null;
}

export interface TwinRepository {
  readonly id: number;
  readonly owner: User;
  name: string;
  fullName: string;
  directory: string;
  readonly defaultBranch: string;
  /** 0: the App is not in it. */
  readonly installation: number;
  /** The repository that it is a fork of. */
  readonly parent: TwinRepository | null;
  readonly roles: Map<string, Role>;
  readonly pulls: Map<number, TwinPullRequest>;
  readonly issues: Map<number, TwinIssue>;
  readonly comments: Map<number, TwinComment[]>;
  readonly checks: TwinCheck[];
  readonly deployments: TwinDeployment[];
  readonly createdAt: string;
  pushedAt: string;
  next: number;
}

export interface Token {
  readonly user: User;
  /** Installation that it was made for; null for a person's own. */
  readonly installation: number | null;
  readonly until: number;
}

/** The twin's memory: users, tokens, repositories, and numbers that only rise. */
export class World {
  readonly users = new Map<string, User>();
  readonly teams = new Map<string, Set<string>>();
  readonly tokens = new Map<string, Token>();
  readonly repositories = new Map<string, TwinRepository>();
  /** Names that repositories had before. */
  readonly moved = new Map<string, TwinRepository>();
  /** Accounts that the App was taken out of. */
  readonly uninstalled = new Set<number>();
  private last = 1_000;

  id(): number {
    return ++this.last;
  }

  user(login: string, type: User["type"] = "User"): User {
    const known = this.users.get(login);
    if (known !== undefined) return known;
    const made = { id: this.id(), login, type };
    this.users.set(login, made);
    return made;
  }

  token(user: User, installation: number | null, milliseconds = 3_600_000): string {
    const token = `${installation === null ? "ghp" : "ghs"}_${randomUUID().replaceAll("-", "")}`;
    this.tokens.set(token, { user, installation, until: Date.now() + milliseconds });
    return token;
  }

  /** Who a token stands for; undefined for an unknown or expired one. */
  bearer(token: string): Token | undefined {
    const found = this.tokens.get(token);
    if (found === undefined || found.until <= Date.now()) return undefined;
    return found.installation !== null && this.uninstalled.has(found.installation) ? undefined : found;
  }

  /** Ends every token that installations were given. */
  expireTokens(): void {
    for (const [token, { installation }] of this.tokens) if (installation !== null) this.tokens.delete(token);
  }
}

export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

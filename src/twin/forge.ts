import { join } from "node:path";

import { Announcer } from "./announce.ts";
import { commitFiles, createBare, emailOf, git, mergeCommit, refsOf } from "./bare.ts";
import { Deliveries } from "./deliveries.ts";
import { Faults } from "./faults.ts";
import { forkRepository, pullsFrom, showHead } from "./fork.ts";
import { logged, pushedCommits, sizeOf } from "./history.ts";
import { newPull, type PullOrder } from "./pull.ts";
import { labelShape } from "./shapes/label.ts";
import type { Addresses } from "./shapes/user.ts";
import {
  type QueueEntry,
  now,
  World,
  type Role,
  type TwinComment,
  type TwinPullRequest,
  type TwinRepository,
  type TwinReview,
  type User,
} from "./world.ts";

export interface ForgeOptions {
  readonly directory: string;
  readonly secret: string;
  readonly appId: number;
  readonly slug: string;
}

const ZERO = "0".repeat(40);

/**
 * What happens on the forge, whoever causes it: git, the API or a page. Repositories are bare ones on the disk; every
 * change of a ref comes through `refsChanged`, so that deliveries and pull requests follow git and nothing else.
 */
export class TwinForge {
  readonly world = new World();
  readonly deliveries: Deliveries;
  readonly announce: Announcer;
  readonly faults = new Faults();
  readonly options: ForgeOptions;
  readonly appUser: User;
  /** Address of the server, set when it listens. */
  host = "";
  /** How far the clock that answers are dated by is ahead, in ms: tests let days pass. */
  aheadMs = 0;

  constructor(options: ForgeOptions) {
    this.options = options;
    this.deliveries = new Deliveries(options.secret);
    this.announce = new Announcer(this.deliveries, () => this.at);
    this.appUser = this.world.user(`${options.slug}[bot]`, "Bot");
  }

  get base(): string {
    return `${this.host}/api/v3`;
  }

  get at(): Addresses {
    const { base, host, options } = this;
    return { base, host, slug: options.slug, appId: options.appId };
  }

  async repository(order: {
    readonly owner: string;
    readonly name: string;
    readonly files?: Readonly<Record<string, string | Uint8Array>>;
    readonly roles?: Readonly<Record<string, Role>>;
  }): Promise<TwinRepository> {
    const owner = this.world.user(order.owner, "Organization");
    const fullName = `${order.owner}/${order.name}`;
    const directory = join(this.options.directory, `${fullName}.git`);
    await createBare(directory, "main");
    const at = now();
    const repository: TwinRepository = {
      id: this.world.id(),
      owner,
      name: order.name,
      fullName,
      directory,
      defaultBranch: "main",
      installation: owner.id,
      parent: null,
      roles: new Map(Object.entries(order.roles ?? {})),
      pulls: new Map(),
      issues: new Map(),
      comments: new Map(),
      checks: [],
      deployments: [],
      createdAt: at,
      pushedAt: at,
      next: 1,
    };
    this.world.repositories.set(fullName, repository);
    if (order.files !== undefined)
      await this.commit(repository, {
        branch: "main",
        files: order.files,
        message: "First commit",
        login: order.owner,
      });
    return repository;
  }

  /** A commit on a branch, as the web editor makes it; a branch that is not there starts from the default branch. */
  async commit(
    repository: TwinRepository,
    order: {
      readonly branch: string;
      /** Null takes a file away. */
      readonly files: Readonly<Record<string, string | Uint8Array | null>>;
      readonly message: string;
      readonly login: string;
    },
  ): Promise<string> {
    return this.watching(repository, order.login, async () => {
      const refs = await refsOf(repository.directory);
      const parent =
        refs.get(`refs/heads/${order.branch}`) ?? refs.get(`refs/heads/${repository.defaultBranch}`) ?? null;
      const commit = await commitFiles(repository.directory, { ...order, parent, author: order.login });
      await git(repository.directory, ["update-ref", `refs/heads/${order.branch}`, commit]);
      return commit;
    });
  }

  /** Merge queues of repositories that have one, by number, with what waits in each by pull request. */
  readonly queues = new Map<number, Map<number, QueueEntry>>();
  private readonly turns = new Map<number, Promise<unknown>>();

  /** Does something that may move refs, alone in its repository, and tells what moved. */
  watching<Value>(repository: TwinRepository, login: string, work: () => Promise<Value>): Promise<Value> {
    const before = this.turns.get(repository.id) ?? Promise.resolve();
    const mine = before
      .catch(() => undefined)
      .then(async () => {
        const was = await refsOf(repository.directory);
        const value = await work();
        await this.refsChanged(repository, { was, is: await refsOf(repository.directory), login });
        return value;
      });
    this.turns.set(repository.id, mine);
    return mine;
  }

  private async refsChanged(
    repository: TwinRepository,
    change: { readonly was: Map<string, string>; readonly is: Map<string, string>; readonly login: string },
  ): Promise<void> {
    for (const ref of new Set([...change.was.keys(), ...change.is.keys()])) {
      const [before, after] = [change.was.get(ref) ?? ZERO, change.is.get(ref) ?? ZERO];
      if (before === after || !/^refs\/(heads|tags)\//.test(ref)) continue;
      await this.refMoved(repository, { ref, before, after, login: change.login });
    }
  }

  private async refMoved(
    repository: TwinRepository,
    moved: { readonly ref: string; readonly before: string; readonly after: string; readonly login: string },
  ): Promise<void> {
    const sender = this.world.user(moved.login);
    const { ref, before, after } = moved;
    repository.pushedAt = now();
    const { commits, head, forced } = await pushedCommits(repository, { before, after }, this.host);
    this.send(repository, sender, "push", {
      ref,
      before,
      after,
      created: before === ZERO,
      deleted: after === ZERO,
      forced,
      base_ref: null,
      compare: `${this.host}/${repository.fullName}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
      commits,
      head_commit: head,
      pusher: { name: sender.login, email: emailOf(sender.login) },
    });
    const branch = ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : undefined;
    if (branch === undefined) return;
    if (after === ZERO) {
      for (const [home, pull] of pullsFrom(this.world, repository, branch)) this.closePull(home, pull, moved.login);
      return;
    }
    for (const pull of repository.pulls.values())
      if (pull.state === "open" && pull.base === branch) pull.baseSha = after;
    for (const [home, pull] of pullsFrom(this.world, repository, branch)) {
      pull.head = after;
      await showHead(home, pull);
      pull.size = await sizeOf(home.directory, pull.baseSha, after);
      pull.updatedAt = now();
      this.announce.pull(home, pull, sender, { action: "synchronize", before, after });
    }
  }

  /** Somebody's own copy, in which they may write. */
  fork(repository: TwinRepository, login: string): Promise<TwinRepository> {
    return forkRepository(this.world, repository, { root: this.options.directory, login });
  }

  async openPull(repository: TwinRepository, order: PullOrder): Promise<TwinPullRequest> {
    const pull = await newPull(this.world, repository, order);
    repository.pulls.set(pull.number, pull);
    this.announce.pull(repository, pull, pull.user, { action: "opened" });
    return pull;
  }

  /** Merges; null where it conflicts or somebody expected another head. */
  async merge(
    repository: TwinRepository,
    pull: TwinPullRequest,
    order: {
      readonly login: string;
      readonly method?: "merge" | "squash" | "rebase";
      readonly sha?: string;
    },
  ): Promise<string | null> {
    if (pull.state !== "open" || (order.sha !== undefined && order.sha !== pull.head)) return null;
    const commit = await this.watching(repository, order.login, async () => {
      const base = (await refsOf(repository.directory)).get(`refs/heads/${pull.base}`) ?? "";
      const made = await mergeCommit(repository.directory, {
        base,
        head: pull.head,
        method: order.method ?? "squash",
        message: `${pull.title} (#${pull.number})`,
        author: order.login,
      });
      if (made === null) return null;
      pull.state = "closed";
      pull.merged = true;
      pull.mergeCommit = made;
      pull.mergedAt = pull.updatedAt = now();
      pull.mergedBy = this.world.user(order.login);
      await git(repository.directory, ["update-ref", `refs/heads/${pull.base}`, made, base]);
      return made;
    });
    if (commit !== null) this.announce.pull(repository, pull, this.world.user(order.login), { action: "closed" });
    return commit;
  }

  /** A merge queue makes a commit of pull requests and asks whether it is good. */
  async mergeGroup(
    repository: TwinRepository,
    group: { readonly head: string; readonly branch: string; readonly base: string; readonly login: string },
  ): Promise<void> {
    const [newest] = await logged(repository, ["-1", group.head], this.host);
    const commit = newest?.commit;
    this.send(repository, this.world.user(group.login), "merge_group", {
      action: "checks_requested",
      merge_group: {
        head_sha: group.head,
        head_ref: `refs/heads/${group.branch}`,
        base_sha: group.base,
        base_ref: `refs/heads/${repository.defaultBranch}`,
        head_commit: commit,
      },
    });
  }

  closePull(repository: TwinRepository, pull: TwinPullRequest, login: string): void {
    pull.state = "closed";
    pull.updatedAt = now();
    this.announce.pull(repository, pull, this.world.user(login), { action: "closed" });
  }

  label(
    repository: TwinRepository,
    pull: TwinPullRequest,
    change: { readonly name: string; readonly add: boolean; readonly login: string },
  ): void {
    const has = pull.labels.includes(change.name);
    if (has === change.add) return;
    pull.updatedAt = now();
    pull.labels = change.add ? [...pull.labels, change.name] : pull.labels.filter((one) => one !== change.name);
    const action = change.add ? "labeled" : "unlabeled";
    const actor = this.world.user(change.login);
    pull.events.push({ id: this.world.id(), event: action, label: change.name, actor, at: now() });
    this.announce.pull(repository, pull, actor, {
      action,
      label: labelShape(change.name, repository, this.at),
    });
  }

  /** Somebody says what they think of the head as it stands. */
  review(
    repository: TwinRepository,
    pull: TwinPullRequest,
    said: {
      readonly state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED";
      readonly body?: string;
      readonly login: string;
    },
  ): TwinReview {
    const user = this.world.user(said.login);
    const review: TwinReview = {
      id: this.world.id(),
      user,
      state: said.state,
      commit: pull.head,
      body: said.body ?? "",
      at: now(),
    };
    pull.reviews.push(review);
    this.announce.review(repository, pull, { review, action: "submitted", sender: user });
    return review;
  }

  comment(
    repository: TwinRepository,
    number: number,
    order: { readonly body: string; readonly user: User; readonly app: number | null },
  ): TwinComment {
    const at = now();
    const comment: TwinComment = {
      id: this.world.id(),
      ...order,
      createdAt: at,
      updatedAt: at,
      reactions: [],
      minimized: false,
    };
    const list = repository.comments.get(number) ?? [];
    repository.comments.set(number, [...list, comment]);
    this.announce.comment(repository, { number, comment, action: "created", sender: order.user });
    return comment;
  }

  /** Somebody deletes a comment, whoever wrote it. */
  deleteComment(
    repository: TwinRepository,
    number: number,
    { comment, login }: { readonly comment: TwinComment; readonly login: string },
  ): void {
    const left = (repository.comments.get(number) ?? []).filter((one) => one !== comment);
    repository.comments.set(number, left);
    const sender = this.world.user(login);
    this.announce.comment(repository, { number, comment, action: "deleted", sender });
  }

  send(repository: TwinRepository, sender: User, event: string, payload: Record<string, unknown>): void {
    this.announce.send(repository, sender, event, payload);
  }
}

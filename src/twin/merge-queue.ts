import { git, mergeCommit, refsOf } from "./bare.ts";
import type { TwinForge } from "./forge.ts";
import { now, type QueueEntry, type TwinPullRequest, type TwinRepository } from "./world.ts";

/** Who merges what a queue has found good. */
const QUEUE = "github-merge-queue[bot]";

/** Puts a pull request into the queue of its repository: a commit is made of it, and everybody is asked about that. */
export async function enqueue(
  forge: TwinForge,
  repository: TwinRepository,
  pull: TwinPullRequest,
  login: string,
): Promise<boolean> {
  const queue = forge.queues.get(repository.id);
  const base = (await refsOf(repository.directory)).get(`refs/heads/${pull.base}`) ?? "";
  const head = await mergeCommit(repository.directory, {
    base,
    head: pull.head,
    method: "squash",
    message: `${pull.title} (#${pull.number})`,
    author: login,
  });
  if (queue === undefined || head === null) return false;
  const branch = `gh-readonly-queue/${pull.base}/pr-${pull.number}-${base}`;
  await forge.watching(repository, login, () =>
    git(repository.directory, ["update-ref", `refs/heads/${branch}`, head]),
  );
  queue.set(pull.number, { head, base, branch });
  tell(forge, pull, { event: "added_to_merge_queue", login });
  await forge.mergeGroup(repository, { head, branch, base, login });
  return true;
}

export async function dequeue(
  forge: TwinForge,
  repository: TwinRepository,
  pull: TwinPullRequest,
  login: string,
): Promise<boolean> {
  const entry = forge.queues.get(repository.id)?.get(pull.number);
  if (entry === undefined) return false;
  forge.queues.get(repository.id)?.delete(pull.number);
  tell(forge, pull, { event: "removed_from_merge_queue", login });
  await forge.watching(repository, login, () =>
    git(repository.directory, ["update-ref", "-d", `refs/heads/${entry.branch}`]),
  );
  return true;
}

/** What waits was found good: the branch moves to the commits that were asked about. */
export async function passQueue(forge: TwinForge, repository: TwinRepository): Promise<void> {
  const queue = forge.queues.get(repository.id) ?? new Map<number, QueueEntry>();
  const user = forge.world.user(QUEUE, "Bot");
  for (const [number, { head, base, branch }] of queue) {
    const pull = repository.pulls.get(number);
    queue.delete(number);
    if (pull === undefined) continue;
    await forge.watching(repository, QUEUE, async () => {
      await git(repository.directory, ["update-ref", `refs/heads/${pull.base}`, head, base]);
      await git(repository.directory, ["update-ref", "-d", `refs/heads/${branch}`]);
    });
    Object.assign(pull, { state: "closed", merged: true, mergeCommit: head, mergedAt: now(), mergedBy: user });
    forge.announce.pull(repository, pull, user, { action: "closed" });
  }
}

function tell(
  { world }: TwinForge,
  pull: TwinPullRequest,
  { event, login }: { readonly event: "added_to_merge_queue" | "removed_from_merge_queue"; readonly login: string },
): void {
  pull.events.push({ id: world.id(), event, label: null, actor: world.user(login), at: now() });
}

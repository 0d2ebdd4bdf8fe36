import { refsOf } from "./bare.ts";
import { showHead } from "./fork.ts";
import { sizeOf } from "./history.ts";
import { now, type TwinPullRequest, type TwinRepository, type World } from "./world.ts";

export interface PullOrder {
  /** The fork that has the branch; default: the repository itself. */
  readonly from?: TwinRepository;
  readonly branch: string;
  readonly title: string;
  readonly body?: string;
  readonly base?: string;
  readonly login: string;
}

/** A pull request as it is when it is opened; its head can be fetched. */
export async function newPull(world: World, repository: TwinRepository, order: PullOrder): Promise<TwinPullRequest> {
  const { from = repository, branch, title, body = "", base = repository.defaultBranch } = order;
  const head = (await refsOf(from.directory)).get(`refs/heads/${branch}`);
  const baseSha = (await refsOf(repository.directory)).get(`refs/heads/${base}`);
  if (head === undefined || baseSha === undefined) throw new Error(`there is no branch ${branch}`);
  const at = now();
  const number = repository.next++;
  await showHead(repository, { from, branch, number, head });
  return {
    number,
    id: world.id(),
    title,
    body,
    user: world.user(order.login),
    state: "open",
    draft: false,
    merged: false,
    mergeCommit: null,
    from,
    branch,
    base,
    head,
    baseSha,
    labels: [],
    reviews: [],
    events: [],
    createdAt: at,
    updatedAt: at,
    mergedAt: null,
    mergedBy: null,
    size: await sizeOf(repository.directory, baseSha, head),
  };
}

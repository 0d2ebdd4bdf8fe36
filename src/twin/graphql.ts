import { dequeue, enqueue } from "./merge-queue.ts";
import { loginOf, ok, type At, type Reply, type Route } from "./rest/call.ts";
import { node } from "./shapes/user.ts";
import type { TwinPullRequest, TwinRepository } from "./world.ts";

/** The queries and mutations that the App sends. */
export const GRAPHQL: readonly Route[] = [["POST", /^\/graphql$/, graphql]];

const UNKNOWN_NODE = ok({ errors: [{ message: "Could not resolve to a node", type: "NOT_FOUND" }] });

function graphql(at: At): Reply | Promise<Reply> {
  const { query } = at.call.body;
  const text = typeof query === "string" ? query : "";
  if (text.includes("mergeQueue(")) return queueOf(at);
  if (text.includes("enqueuePullRequest")) return queued(at);
  return text.includes("dequeuePullRequest") ? unqueued(at) : minimized(at);
}

function variable({ call }: At, name: string): string {
  const variables = (call.body["variables"] ?? {}) as Readonly<Record<string, unknown>>;
  const value = variables[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function minimized(at: At): Reply {
  const wanted = variable(at, "node");
  for (const repository of at.forge.world.repositories.values()) {
    for (const comment of [...repository.comments.values()].flat()) {
      if (node("IC", comment.id) !== wanted) continue;
      comment.minimized = true;
      return ok({ data: { minimizeComment: { minimizedComment: { __typename: "IssueComment", isMinimized: true } } } });
    }
  }
  return UNKNOWN_NODE;
}

function queueOf(at: At): Reply {
  const { forge } = at;
  const repository = forge.world.repositories.get(`${variable(at, "owner")}/${variable(at, "repo")}`);
  const pull = repository?.pulls.get(Number(variable(at, "number")));
  if (repository === undefined || pull === undefined) return UNKNOWN_NODE;
  const queue = variable(at, "branch") === repository.defaultBranch ? forge.queues.get(repository.id) : undefined;
  const entry = queue?.has(pull.number) === true ? { id: entryNode(pull) } : null;
  return ok({
    data: {
      repository: {
        mergeQueue: queue === undefined ? null : { id: node("MQ", repository.id) },
        pullRequest: { id: node("PR", pull.id), mergeQueueEntry: entry },
      },
    },
  });
}

async function queued(at: At): Promise<Reply> {
  const found = pullOf(at);
  if (found === undefined) return UNKNOWN_NODE;
  const [repository, pull] = found;
  if (variable(at, "head") !== pull.head)
    return ok({ errors: [{ message: "Head sha didn't match expected sha", type: "UNPROCESSABLE" }] });
  if (!(await enqueue(at.forge, repository, pull, loginOf(at))))
    return ok({ errors: [{ message: "Pull request is not mergeable", type: "UNPROCESSABLE" }] });
  return ok({ data: { enqueuePullRequest: { mergeQueueEntry: { id: entryNode(pull) } } } });
}

async function unqueued(at: At): Promise<Reply> {
  const found = pullOf(at);
  if (found === undefined || !(await dequeue(at.forge, ...found, loginOf(at)))) return UNKNOWN_NODE;
  return ok({ data: { dequeuePullRequest: { mergeQueueEntry: { id: entryNode(found[1]) } } } });
}

function entryNode({ id }: TwinPullRequest): string {
  return node("MQE", id);
}

function pullOf(at: At): readonly [TwinRepository, TwinPullRequest] | undefined {
  for (const repository of at.forge.world.repositories.values())
    for (const pull of repository.pulls.values())
      if (node("PR", pull.id) === variable(at, "pull")) return [repository, pull];
  return undefined;
}

import type { Octokit } from "@octokit/rest";

import type { Answer, Forge } from "./forge.ts";
import { map, pages } from "./octokit-pages.ts";
import { personOf } from "./octokit-shapes.ts";

type Queueing = Pick<Forge, "enqueue" | "dequeue" | "enqueuedBy">;

interface Asking {
  readonly ask: <Value>(
    call: (octokit: Octokit, headers: { readonly authorization: string }) => Promise<{ readonly data: Value }>,
  ) => Promise<Answer<Value>>;
  readonly at: { readonly owner: string; readonly repo: string };
}

/** How long it is believed that a branch has no merge queue (ms). */
const BELIEVED_MS = 600_000;

/** What promotions ask of GitHub's merge queues, which it tells of by GraphQL alone. */
export function octokitQueue({ ask, at }: Asking, now: () => number): Queueing {
  const without = new Map<string, number>();
  const placeOf = async (number: number, branch: string): Promise<Answer<QueuePlace>> => {
    const answer = await ask(async (octokit, headers) => ({
      data: await octokit.graphql<QueueAnswer>(QUEUE, {
        owner: at.owner,
        repo: at.repo,
        number,
        branch,
        headers,
      }),
    }));
    return map(answer, ({ repository }) => ({
      queue: (repository?.mergeQueue ?? null) !== null,
      node: repository?.pullRequest?.id ?? "",
      queued: (repository?.pullRequest?.mergeQueueEntry ?? null) !== null,
    }));
  };
  return {
    async enqueue(number, { sha, branch }) {
      const place = await placeOf(number, branch);
      if (place.kind !== "ok") return place;
      const { queue, queued, node } = place.value;
      if (!queue) return { kind: "ok", value: "no-queue" };
      without.delete(branch);
      if (queued) return { kind: "ok", value: "queued" };
      const answer = await ask(async (octokit, headers) => ({
        data: await octokit.graphql(ENQUEUE, { pull: node, head: sha, headers }),
      }));
      return map<unknown, "queued">(answer, () => "queued");
    },
    async dequeue(number, branch) {
      const known = without.get(branch);
      if (known !== undefined && now() - known < BELIEVED_MS) return { kind: "ok", value: false };
      const place = await placeOf(number, branch);
      if (place.kind !== "ok") return place;
      if (!place.value.queue) without.set(branch, now());
      if (!place.value.queued) return { kind: "ok", value: false };
      const answer = await ask(async (octokit, headers) => ({
        data: await octokit.graphql(DEQUEUE, { pull: place.value.node, headers }),
      }));
      return map<unknown, boolean>(answer, () => true);
    },
    async enqueuedBy(number) {
      const answer = await pages((page) =>
        ask((octokit, headers) =>
          octokit.rest.issues.listEvents({ ...at, issue_number: number, per_page: 100, page, headers }),
        ),
      );
      return map(answer, (events) => {
        const actor = events.findLast(({ event }) => event === "added_to_merge_queue")?.actor ?? null;
        return actor === null ? null : personOf(actor);
      });
    },
  };
}

interface QueuePlace {
  /** Whether the branch has a merge queue at all. */
  readonly queue: boolean;
  /** Of the pull request, as GraphQL names it. */
  readonly node: string;
  readonly queued: boolean;
}

interface QueueAnswer {
  readonly repository: {
    readonly mergeQueue: { readonly id: string } | null;
    readonly pullRequest: { readonly id: string; readonly mergeQueueEntry: { readonly id: string } | null } | null;
  } | null;
}

const QUEUE = `query ($owner: String!, $repo: String!, $number: Int!, $branch: String!) {
  repository(owner: $owner, name: $repo) {
    mergeQueue(branch: $branch) { id }
    pullRequest(number: $number) { id mergeQueueEntry { id } }
  }
}`;

const ENQUEUE = `mutation ($pull: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: { pullRequestId: $pull, expectedHeadOid: $head }) { mergeQueueEntry { id } }
}`;

const DEQUEUE = `mutation ($pull: ID!) {
  dequeuePullRequest(input: { id: $pull }) { mergeQueueEntry { id } }
}`;

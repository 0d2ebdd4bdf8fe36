import type { Desired } from "../forge/desired.ts";
import type { Forge, PullRequest } from "../forge/forge.ts";
import type { Request } from "../release/environment-state.ts";
import type { ReleaseEvent } from "../release/release-event.ts";
import { promotionBranch } from "../release/release.ts";
import { promotionRefusedIssue } from "../report/promotion-refused.ts";
import { withdrawnComment, withdrawnStatus } from "../report/withdrawn.ts";
import { againAfter, isNotNow, type Looked } from "../forge/looked.ts";

export interface WithdrawPorts {
  readonly forge: Pick<Forge, "pullRequest" | "updatePullRequest">;
  readonly record: (events: readonly ReleaseEvent[]) => Promise<void>;
}

/** A request that can never be met. */
export interface WithdrawOrder {
  readonly environment: string;
  readonly pipeline: string;
  readonly request: Request;
  readonly why: string;
  readonly next: string;
  /** What made it so, by which the end of the request is recorded once. */
  readonly cause: string;
  /** Ms since 1970, from the forge's clock. */
  readonly now: number;
}

/**
 * Ends a request that nothing could ever fulfil: its pull request is closed and says why and what to do, so that nobody
 * waits for it. The ledger comes last: killed before, or held back by the forge, the same is done once more.
 */
export async function withdraw({ forge, record }: WithdrawPorts, order: WithdrawOrder): Promise<Looked> {
  const { environment, pipeline, request, cause, why, now } = order;
  const states: Desired[] = [];
  if (request.pullRequest !== null) {
    const asked = await forge.pullRequest(request.pullRequest);
    if (isNotNow(asked)) return { states, again: againAfter(asked, now) };
    if (asked.kind === "ok" && asked.value.state === "open") {
      const closed = await forge.updatePullRequest(request.pullRequest, { state: "closed" });
      if (isNotNow(closed)) return { states, again: againAfter(closed, now) };
    }
    if (asked.kind === "ok" && !asked.value.merged) states.push(...told(order, asked.value));
  }
  await record([
    {
      kind: "revoked",
      environment,
      pipeline,
      run: request.run,
      evidence: null,
      by: { id: null, login: "sluice" },
      cause,
      at: new Date(now).toISOString(),
      reason: why,
      pullRequest: request.pullRequest,
      deployment: null,
      revokes: "request",
    },
  ]);
  // Where the forge refused its pull request, that is no matter any more.
  const refused = { environment, pipeline, branch: promotionBranch({ environment, pipeline }), why: null };
  return { states: [...states, promotionRefusedIssue(refused)], again: null };
}

function told(order: WithdrawOrder, { number, head }: PullRequest): readonly Desired[] {
  const marker = `<!-- sluice:withdrawn ${order.request.run} -->`;
  return [
    {
      kind: "comment",
      number,
      marker,
      body: `${marker}\n${withdrawnComment(order)}`,
    },
    {
      kind: "check",
      check: {
        head: head.sha,
        name: `sluice / promote (${order.environment})`,
        status: "completed",
        conclusion: "failure",
        ...withdrawnStatus(order),
        text: "",
        annotations: [],
        actions: [],
        externalId: order.cause,
      },
    },
  ];
}

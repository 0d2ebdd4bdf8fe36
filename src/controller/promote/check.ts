import type { Desired } from "../../forge/desired.ts";
import type { Check, PullRequest } from "../../forge/forge.ts";
import { promotionStatus, type PromotionView, type ToldDecision } from "../../report/promotion-summary.ts";
import { withdrawnStatus } from "../../report/withdrawn.ts";
import type { PromoteOrder } from "./promotion.ts";

export function viewOf(order: PromoteOrder): PromotionView {
  return { ...order, environment: order.environment.name };
}

/** `sluice / promote (<environment>)`: under way while something is missing, and it says what. */
export function checkOf(view: PromotionView, { head }: PullRequest, decision: ToldDecision | null): Desired {
  return checkSaying(view, head, {
    ...promotionStatus(view, decision),
    actions: decision === null ? [RESTORE] : [],
  });
}

/** Whoever opens it again is told that nobody waits for it any more. */
export function closedCheck(order: PromoteOrder, { head }: PullRequest, why: string): Desired {
  const { environment, pipeline } = order;
  const next = `to ask again: /sluice promote ${environment.name} ${pipeline}`;
  const status = withdrawnStatus({ environment: environment.name, pipeline, why, next });
  return checkSaying(viewOf(order), head, { conclusion: "failure", ...status, actions: [] });
}

const RESTORE = { label: "Restore", description: "Put back what Sluice wrote", identifier: "restore" } as const;

function checkSaying(
  { environment, evidence }: PromotionView,
  { sha }: PullRequest["head"],
  said: Pick<Check, "conclusion" | "title" | "summary" | "actions">,
): Desired {
  return {
    kind: "check",
    check: {
      head: sha,
      name: `sluice / promote (${environment})`,
      status: said.conclusion === null ? "in_progress" : "completed",
      ...said,
      text: "",
      annotations: [],
      externalId: evidence,
    },
  };
}

import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import type { Decision } from "../../src/release/decide.ts";
import { releaseOf } from "../../src/release/release.ts";
import { promotionBody, promotionStatus, type PromotionView } from "../../src/report/promotion-summary.ts";
import { digitsRun, runId } from "../manifest/run-records.ts";

const candidate = releaseOf(digitsRun({ trigger: "push" }), digestOf("manifest"));
const view: PromotionView = {
  environment: "staging",
  candidate,
  live: { ...candidate, run: runId("b"), metrics: { accuracy: 0.9848, log_loss: 0.0712 } },
  gates: [
    { source: "metrics.accuracy >= 0.95", outcome: "passed", why: "" },
    { source: "run.reproducible == true", outcome: "unknown", why: "`reproducible` is not known" },
  ],
  evidence: digestOf("evidence"),
};
const waiting: Decision = {
  kind: "wait",
  waits: [
    {
      kind: "approvals",
      why: "waiting for 1 approval from @acme/ml",
      out: "the label approve:staging, a review, or /sluice approve staging",
      until: null,
    },
  ],
  voids: [
    {
      approval: { by: { id: 7, login: "e|ve`<b>" }, at: "", evidence: null, cause: "label:1" },
      why: "an author does not approve their own change",
    },
  ],
  approvedBy: [{ id: 8, login: "grace" }],
  missing: 1,
};

test("a promotion's page says what is missing first, whatever names hold", async () => {
  await expect(promotionBody(view, waiting)).toMatchFileSnapshot("../golden/report/promotion.md");
});

test("its check waits, is done, or was changed by hand", () => {
  expect(promotionStatus(view, waiting)).toMatchObject({
    conclusion: null,
    title: "waiting for 1 approval from @acme/ml",
  });
  expect(promotionStatus(view, { ...waiting, kind: "release", waits: [] }).conclusion).toBe("success");
  expect(promotionStatus(view, null).conclusion).toBe("failure");
});

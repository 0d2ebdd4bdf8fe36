import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import type { Decision } from "../../src/release/decide.ts";
import { releaseOf } from "../../src/release/release.ts";
import { releaseChanges } from "../../src/report/release-changes.ts";
import { promotionBody, promotionStatus, type PromotionView } from "../../src/report/promotion-summary.ts";
import { digitsRun, runId } from "../manifest/run-records.ts";

const candidate = releaseOf(digitsRun({ trigger: "push" }), digestOf("manifest"));
const view: PromotionView = {
  environment: "staging",
  candidate,
  live: {
    ...candidate,
    run: runId("b"),
    metrics: { accuracy: 0.9848, log_loss: 0.0712 },
  },
  gates: [
    { source: "metrics.accuracy >= 0.95", outcome: "passed", why: "" },
    {
      source: "run.reproducible == true",
      outcome: "unknown",
      why: "`reproducible` is not known",
    },
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
      approval: {
        by: { id: 7, login: "e|ve`<b>" },
        at: "",
        evidence: null,
        cause: "label:1",
      },
      why: "an author does not approve their own change",
    },
  ],
  approvedBy: [{ id: 8, login: "grace" }],
  missing: 1,
};

test("a promotion's page says what is missing first, whatever names hold", async () => {
  await expect(promotionBody(view, waiting)).toMatchFileSnapshot("../golden/report/promotion.md");
});

test("nobody is asked for an approval that is there, or that is not needed", () => {
  const next = (decision: Decision): string | undefined =>
    /^\*\*Next:\*\* .*$/m.exec(promotionBody(view, decision))?.[0];
  expect(next(waiting)).toContain("whoever may approve adds the label `approve:staging`");
  expect(next({ ...waiting, kind: "release", waits: [], missing: 0 })).toBe(
    "**Next:** nobody has to do anything: it is merged by itself. Where the forge does not merge it, the check says why.",
  );
  const soak = { kind: "soak", why: "soaks in dev", out: "it goes on by itself", until: 1 } as const;
  expect(next({ ...waiting, waits: [soak], missing: 0 })).toBe(
    "**Next:** what is still missing stands above and in the check. It is merged by itself when nothing is.",
  );
});

test("what changes against the live release is told by name, and never without a bound", () => {
  const many = Array.from({ length: 25 }, (_, at) => ({
    path: `out/${at}`,
    digest: digestOf(`artifact ${at}`),
  }));
  const live = {
    ...candidate,
    params: { kept: { deep: 1 }, gone: 1, other: 1 },
    data: [{ name: "digits", digest: digestOf("old") }],
    environments: ["sha256:old"],
    artifacts: many.slice(0, 1),
  };
  const next = {
    ...live,
    params: { kept: { deep: 1 }, other: "</details>`|", fresh: 1 },
    data: [{ name: "digits", digest: digestOf("new") }],
    environments: ["sha256:new"],
    artifacts: many,
  };
  const told = releaseChanges(next, live);
  expect(told).toContain("<summary>Parameters (3) · Data (1) · Environments (2) · Artifacts (25)</summary>");
  for (const line of ["parameter `fresh` added", "parameter `gone` removed", "parameter `other` changed"])
    expect(told).toContain(`- ${line}\n`);
  expect(told).toContain("- data `digits` changed\n");
  expect(told).toContain("- and 5 more");
  expect(told.match(/the bytes that are live/gu)).toHaveLength(1);
  expect(told).not.toContain("kept");
  expect(told.match(/<\/details>/gu)).toHaveLength(1);
  expect(releaseChanges({ ...next, artifacts: [] }, { ...next, artifacts: [] })).toBe("");
});

test("its check waits, is done, or was changed by hand", () => {
  expect(promotionStatus(view, waiting)).toMatchObject({
    conclusion: null,
    title: "waiting for 1 approval from @acme/ml",
  });
  expect(promotionStatus(view, { ...waiting, kind: "release", waits: [] }).conclusion).toBe("success");
  expect(promotionStatus(view, null).conclusion).toBe("failure");
});

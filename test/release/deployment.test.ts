import { expect, test } from "vitest";

import { rollbackTarget } from "../../src/release/decide.ts";
import { deployEnd } from "../../src/release/deployment.ts";
import { foldEvents, standingOf } from "../../src/release/environment-state.ts";
import { artifactOf } from "../../src/release/artifact.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { parseManifest } from "../../src/manifest/parse-manifest.ts";
import { recordedOf } from "../../src/main/release/deployments.ts";
import { renderRun } from "../../src/manifest/render-manifest.ts";
import { deployRequest, orderOf, parseOrder, renderOrder } from "../../src/run/request.ts";
import type { RunRecord, StepRecord } from "../../src/run/run-record.ts";
import { turnOf } from "../../src/run/turn.ts";
import { deploymentIssue, deploymentStatus, type DeploymentView } from "../../src/report/deployment.ts";
import { event } from "../cli/released.ts";
import { digitsRun, runId, sha } from "../manifest/run-records.ts";

const deploys = { environment: "prod", number: 3, pipeline: "digits", run: runId("a") };

const ended = (status: RunRecord["status"], outcome: StepRecord["outcome"], begun = true): RunRecord => {
  const run = digitsRun({ status });
  return { ...run, steps: run.steps.map((step) => ({ ...step, outcome, attempts: begun ? step.attempts : [] })) };
};
const failed = (failure: Extract<StepRecord["outcome"], { kind: "failed" }>["failure"]): StepRecord["outcome"] => ({
  kind: "failed",
  failure,
});

test.each([
  ["succeeded", digitsRun({})],
  ["failed", ended("failed", failed({ kind: "exit", code: 1 }))],
  ["failed", ended("refused", failed({ kind: "refused", why: "no", next: "ask" }))],
  ["lost", ended("failed", failed({ kind: "lost", why: "its worker died" }))],
  ["lost", ended("cancelled", { kind: "cancelled" })],
  ["failed", ended("cancelled", { kind: "cancelled" }, false)],
])("a deployment %s", (end, record) => {
  expect(deployEnd(record)).toBe(end);
});

test("a deployment's order and manifest say what is deployed, and give it back", () => {
  const order = orderOf(
    { id: "ship", concurrency: null },
    {
      repository: "7",
      source: sha("c"),
      request: deployRequest(deploys),
      plan: digestOf("plan"),
      domain: "main",
      branch: "main",
      pullRequest: null,
      requestedBy: "ada",
      acceptedAt: "2026-01-01T00:00:00Z",
      pins: { "release:m": { run: runId("a"), entry: "file", digest: digestOf("m"), size: 1 } },
      deploys,
    },
  );
  expect([order.request, order.trigger]).toEqual(["deploy:prod:3", "deploy"]);
  expect(parseOrder(renderOrder(order))).toEqual(order);

  // Whatever pipeline deploys there: one after another, and none is superseded.
  const later = { ...order, id: runId("b"), pipeline: "other", acceptedAt: "2026-01-01T00:00:01Z" };
  expect(turnOf(order, [later, order])).toEqual({ kind: "now" });
  expect(turnOf(later, [later, order])).toEqual({ kind: "wait", behind: order.id });

  const record = digitsRun({ trigger: "deploy", request: order.request, deploys });
  const documents = new Map(record.steps.map(({ key, document }) => [key, document]));
  const rendered = renderRun(record);
  const read = parseManifest(
    rendered.manifest,
    (key) => documents.get(key) ?? undefined,
    (file) => rendered.parts.get(file),
  );
  expect(read).toEqual({ kind: "ok", record });
});

test("an artifact is an output of the run or one file of a directory; a name that is none is told with what was meant", () => {
  const run = digitsRun({});
  const outputs = run.steps.flatMap(({ outcome }) => (outcome.kind === "succeeded" ? outcome.facts.outputs : []));
  const [first] = outputs;
  if (first === undefined) throw new Error("unreachable: the digits have outputs");
  const { digest, size, kind: entry } = first;
  expect(artifactOf(run, first.path, () => undefined)).toEqual({
    kind: "found",
    pin: { run: run.id, entry, digest, size },
  });
  expect(artifactOf(run, `${first.path}x`, () => undefined)).toMatchObject({
    kind: "problem",
    next: `did you mean \`release:${first.path}\`?`,
  });

  const directory: RunRecord = {
    ...run,
    steps: run.steps.map((step) => ({
      ...step,
      outcome:
        step.outcome.kind === "succeeded"
          ? {
              ...step.outcome,
              facts: { ...step.outcome.facts, outputs: [{ ...first, path: "reports", kind: "directory" }] },
            }
          : step.outcome,
    })),
  };
  const listing = () => [{ path: "deep/a.txt", x: true, digest: digestOf("a"), size: 1 }];
  expect(artifactOf(directory, "reports/deep/a.txt", listing)).toEqual({
    kind: "found",
    pin: { run: run.id, entry: "executable", digest: digestOf("a"), size: 1 },
  });
  expect(artifactOf(directory, "reports/deep", listing)).toMatchObject({
    kind: "problem",
    next: "name a file in it, or all of it: `release:reports`",
  });
});

const view: DeploymentView = {
  environment: "prod",
  pipeline: "digits",
  health: "degraded",
  live: {
    run: runId("b"),
    since: "2026-01-01T00:00:00Z",
    by: { id: 1, login: "ada" },
    evidence: null,
    how: "released",
    pullRequest: 12,
  },
  earlier: [],
  deployments: 3,
  ended: null,
  why: null,
};

test("a person is told what to choose from, and the issue is one whatever happens", () => {
  const before = { ...view.live, run: runId("a") };
  const both = deploymentIssue({ ...view, earlier: [before] });
  expect(both.open).toBe(true);
  expect(both.title).toBe("prod is degraded: deployment 3 of digits");
  expect(both.body).toContain(
    `**Next:** comment on #12 or another pull request: \`/sluice rollback prod digits\` deploys run \`${runId("a")}\`, which was live before, or \`/sluice promote prod digits\` deploys it again.`,
  );
  const unknown = deploymentIssue({ ...view, health: "unknown" });
  expect(unknown.body).toContain("until somebody has looked at `prod`");
  expect(unknown.body).not.toContain("rollback");
  const well = deploymentIssue({ ...view, health: "live" });
  expect([unknown.marker, well.marker, well.open]).toEqual([both.marker, both.marker, false]);
  expect(deploymentStatus({ ...view, health: "deploying" }).conclusion).toBeNull();
});

test("what went wrong is told with the step, the cause and the last lines of its log, or why nothing was begun", () => {
  const summary = (change: Partial<DeploymentView>): string => deploymentStatus({ ...view, ...change }).summary;
  const run = runId("d");
  const failure = { kind: "exit", code: 7 } as const;
  const failed = summary({ ended: { run, failed: { step: "ship", failure, tail: ["no route", "``` to <b>"] } } });
  expect(failed).toContain(`\`ship\` failed: exit code 7 (\`sluice show ${run.slice(0, 8)}\`).`);
  expect(failed).toContain("````\nno route\n``` to <b>\n````");
  const refused = { kind: "refused", why: "no grant", next: "add a line" } as const;
  expect(summary({ ended: { run, failed: { step: "ship", failure: refused, tail: [] } } })).toContain("add a line");
  expect(summary({ ended: { run, failed: null } })).toContain("was stopped");
  expect(summary({ why: "it has <b>no</b> plan" })).toContain("It was not begun: it has ");
  expect(summary({ why: "it has <b>no</b> plan" })).not.toContain("<b>");
});

test("a rollback leads past what never got there, unless that is asked for", () => {
  const events = (["succeeded", "failed", "lost"] as const).flatMap((end, at) => {
    const run = runId("abc".charAt(at));
    return [
      event("released", `merge:${at}`, { run }),
      event("deployed", `run:${at}`, { run, deployment: { number: at + 1, end } }),
    ];
  });
  const standing = standingOf(foldEvents(events).get("prod"), "digits");
  expect(standing.earlier.map(({ run }) => run)).toEqual([runId("b"), runId("a")]);
  expect(rollbackTarget(standing, null)?.run).toBe(runId("a"));
  expect(rollbackTarget(standing, runId("b"))?.run).toBe(runId("b"));
  // Where nothing ever got there, what was tried last is all there is.
  const [failed] = standing.earlier;
  expect(rollbackTarget({ earlier: failed === undefined ? [] : [failed] }, null)?.run).toBe(runId("b"));
});

test("a deployment's end is only what a key of ours signed", async () => {
  const [forged, made] = [digitsRun({ id: runId("b") }), digitsRun({ id: runId("c") })];
  const history = {
    runs: () => [forged, made],
    record: async (id: string) => [forged, made].find((run) => run.id === id),
  };
  const end = (signed: readonly string[]) =>
    recordedOf({ repository: { history }, runs: { isSigned: async (id) => signed.includes(id) } }, "deploy:prod:3");

  expect(await end([made.id])).toBe(made);
  expect(await end([])).toBeUndefined();

  const unreadable = { ...history, record: () => Promise.reject(new Error("reading the manifest")) };
  const again = recordedOf(
    { repository: { history: unreadable }, runs: { isSigned: async () => false } },
    "deploy:prod:3",
  );
  await expect(again, "it was made, and is not made once more").rejects.toThrow("reading the manifest");
});

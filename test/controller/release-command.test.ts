import { expect, test } from "vitest";

import type { Commanded, ReleaseAsking, ReleaseCommandPorts } from "../../src/controller/release-command/asking.ts";
import { commandRelease } from "../../src/controller/release-command/release-command.ts";
import type { EnvironmentSettings } from "../../src/pipeline/settings.ts";
import { foldEvents } from "../../src/release/environment-state.ts";
import type { ReleaseEvent } from "../../src/release/release-event.ts";
import type { ReleaseCommand } from "../../src/trigger/command.ts";
import { event } from "../cli/released.ts";
import { runId } from "../manifest/run-records.ts";

const STAGING: EnvironmentSettings = {
  name: "staging",
  auto: false,
  after: null,
  soakMs: 0,
  gates: [],
  approvals: null,
  deploy: null,
  windows: [],
  freezes: [],
};
const ASKING: ReleaseAsking = {
  sender: { id: 1, login: "max", bot: false },
  comment: 5,
  pullRequest: 3,
  at: "2026-03-01T10:00:00Z",
};

/** The default branch has `total`, which was `sum`, and `words`; `gone` was released once, `broken` ran and no more. */
async function said(
  command: ReleaseCommand,
): Promise<{ readonly answer: Commanded; readonly recorded: readonly ReleaseEvent[] }> {
  const recorded: ReleaseEvent[] = [];
  const never = (): never => {
    throw new Error("nobody asks for this");
  };
  const ports: ReleaseCommandPorts = {
    environments: [STAGING],
    pipelines: [
      { id: "total", was: ["sum"] },
      { id: "words", was: [] },
    ],
    states: foldEvents([event("released", "1", { environment: "prod", pipeline: "gone", run: runId("a") })]),
    leave: async () => ({ kind: "ok", value: { kind: "granted" } }),
    mayApprove: never,
    candidates: async () => [],
    shown: never,
    candidate: never,
    judged: never,
    newest: (pipeline) => (pipeline === "broken" ? runId("b") : undefined),
    restore: never,
    runOf: never,
    record: async (events) => void recorded.push(...events),
  };
  return { answer: await commandRelease(ports, ASKING, command), recorded };
}

const hold = (pipeline: string | null): ReleaseCommand => ({
  kind: "hold",
  environment: "staging",
  pipeline,
  reason: "bad",
});

test.each<[string, ReleaseCommand, string]>([
  ["held", hold("totl"), "there is no pipeline `totl`: did you mean `total`?"],
  ["held", hold("nightly"), "there is no pipeline `nightly`: there are total, words, gone"],
  [
    "let go",
    { kind: "unhold", environment: "staging", pipeline: "wrds" },
    "there is no pipeline `wrds`: did you mean `words`?",
  ],
  [
    "promoted",
    { kind: "promote", environment: "staging", pipeline: "totl", run: null, breakGlass: null },
    "there is no pipeline `totl`: did you mean `total`?",
  ],
])("nothing is %s by a word that is no pipeline's", async (_, command, why) => {
  expect(await said(command)).toEqual({ answer: { kind: "refused", why }, recorded: [] });
});

test.each([
  ["total", "total"],
  ["sum", "total"],
  ["gone", "gone"],
  ["broken", "broken"],
  [null, null],
])("a hold of %s holds %s", async (word, pipeline) => {
  const { answer, recorded } = await said(hold(word));
  expect(answer).toEqual({ kind: "done" });
  expect(recorded).toMatchObject([{ kind: "held", environment: "staging", pipeline }]);
});

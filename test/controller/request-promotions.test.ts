import { expect, test } from "vitest";

import { requestPromotions, type LateChange, type RequestOrder } from "../../src/controller/request-promotions.ts";
import type { LabelEvent, PullRequest } from "../../src/forge/forge.ts";
import { DEFAULT_SETTINGS, type EnvironmentSettings } from "../../src/pipeline/settings.ts";
import { NOTHING } from "../../src/release/environment-state.ts";
import { runId, sha } from "../manifest/run-records.ts";

const STAGING: EnvironmentSettings = {
  name: "staging",
  auto: false,
  after: null,
  soakMs: 0,
  gates: [],
  approvals: null,
  windows: [],
  freezes: [],
  deploy: null,
};

const PERMISSIONS = new Map([
  ["alice", true],
  ["mallory", false],
]);

/** What the labels of one merged pull request ask for; `by`: who put each there, in order; `-label` takes one off. */
async function asked(
  by: readonly (readonly [label: string, login: string])[],
  merged = true,
  late:
    | (Pick<LateChange, "own"> &
        Partial<Pick<LateChange, "since" | "failed">> &
        Pick<RequestOrder, "recorded" | "states">)
    | null = null,
  elsewhere = false,
) {
  const events = by.map(([label, login], at): LabelEvent => ({
    id: at,
    label: label.replace(/^-/, ""),
    added: !label.startsWith("-"),
    actor: { id: login.length, login, bot: login.endsWith("[bot]") },
    at: "2026-01-01T00:00:00Z",
  }));
  const names = new Set(events.map(({ label }) => label));
  const labels = [...names].filter((name) => events.findLast(({ label }) => label === name)?.added === true);
  const pull: PullRequest = {
    number: 5,
    title: "",
    body: "",
    state: merged ? "closed" : "open",
    draft: false,
    merged,
    mergedAt: null,
    mergedBy: null,
    mergeCommit: merged ? sha("d") : null,
    author: { id: 1, login: "alice", bot: false },
    labels,
    head: { sha: sha("e"), branch: "more", repository: 42 },
    base: { sha: sha("c"), branch: "main" },
  };
  const {
    events: found,
    refused,
    decided,
  } = await requestPromotions(
    {
      forge: { labelEvents: async () => ({ kind: "ok", value: events }) },
      mayPromote: async (login) => {
        const may = PERMISSIONS.get(login);
        return may === undefined ? { kind: "unreachable", why: "away" } : { kind: "ok", value: may };
      },
    },
    {
      environments: [...DEFAULT_SETTINGS.environments, STAGING],
      states: late?.states ?? new Map(),
      newest: [{ pipeline: "sum", run: runId("a"), pullRequests: late === null && !elsewhere ? [pull] : [] }],
      late:
        late === null
          ? []
          : [
              {
                pullRequest: pull,
                newest: [{ pipeline: "sum", run: runId("a") }],
                failed: [],
                since: "2026-01-02T00:00:00Z",
                ...late,
              },
            ],
      elsewhere: elsewhere ? [{ ...pull, base: { ...pull.base, branch: "dev" } }] : [],
      branch: "main",
      recorded: late?.recorded ?? [],
      at: "2026-01-01T00:00:00Z",
    },
  );
  return {
    asked: found.map(({ by: { login }, environment }) => `${environment} by ${login}`),
    refused: refused.map(({ label, words }) => `${label}: ${words}`),
    ...((late !== null || elsewhere) && { decided }),
  };
}

test("a label asks once its change is merged, by whoever put it there last and may", async () => {
  expect(await asked([["promote:staging", "alice"]])).toEqual({ asked: ["staging by alice"], refused: [] });
  expect(await asked([["promote:staging", "alice"]], false)).toEqual({ asked: [], refused: [] });
  const taken = [
    ["promote:staging", "alice"],
    ["-promote:staging", "alice"],
  ] as const;
  expect(await asked(taken)).toEqual({ asked: [], refused: [] });
});

test("a label that asks for nothing is refused in words", async () => {
  expect(await asked([["promote:staging", "mallory"]])).toEqual({
    asked: [],
    refused: [expect.stringContaining("by mallory asks for nothing, and is taken off: this account may not promote")],
  });
  expect((await asked([["promote:staging", "robot[bot]"]])).refused).toEqual([
    expect.stringContaining("a bot does not ask for releases"),
  ]);
  expect((await asked([["promote:stagin", "alice"]])).refused).toEqual([
    expect.stringContaining("did you mean `promote:staging`?"),
  ]);
  // Nobody can write code of their own into our words.
  expect((await asked([["promote:`x`", "alice"]])).refused).toEqual([
    expect.stringContaining("the label `promote:'x'` names no environment"),
  ]);
  // While the forge does not say what somebody may do nothing is decided.
  expect(await asked([["promote:staging", "nobody"]])).toEqual({ asked: [], refused: [] });
});

const LABELLED = [["promote:staging", "alice"]] as const;

test("a label on a change that a newer run has passed is refused with what to say instead", async () => {
  const own = [{ pipeline: "sum", run: runId("c") }];
  const words =
    "promote:staging: the label `promote:staging` by alice asks for nothing, and is taken off: a label asks for the newest run, and that of `sum` is of a later change; comment `/sluice promote staging sum` for that one";
  expect(await asked(LABELLED, true, { own, recorded: [], states: new Map() })).toEqual({
    asked: [],
    refused: [`${words}, or \`/sluice promote staging sum cccccccc\` for this change's own`],
    decided: [5],
  });
  // Its own run may be none that can be promoted.
  expect((await asked(LABELLED, true, { own: [], recorded: [], states: new Map() })).refused).toEqual([words]);
  // Nothing newer of a pipeline that failed for it: it is tried again first.
  expect((await asked(LABELLED, true, { own: [], failed: ["ab"], recorded: [], states: new Map() })).refused).toEqual([
    `${words}; no run of \`ab\` for this change can be promoted: \`/sluice retry\`, then \`/sluice promote staging ab\``,
  ]);
  const unknown = [["promote:stagin", "alice"]] as const;
  expect((await asked(unknown, true, { own, recorded: [], states: new Map() })).refused).toEqual([
    expect.stringContaining("did you mean `promote:staging`?"),
  ]);
});

test("a label that asked while its change was the newest stays", async () => {
  const own = [{ pipeline: "sum", run: runId("c") }];
  const nothing = { asked: [], refused: [], decided: [5] };
  const recorded = [{ kind: "requested", environment: "staging", cause: "label:0" }] as const;
  expect(await asked(LABELLED, true, { own, recorded, states: new Map() })).toEqual(nothing);
  // It was there already, whoever asked.
  const live = {
    run: runId("c"),
    since: "2026-01-01T00:00:00Z",
    by: { id: 1, login: "alice" },
    evidence: null,
    how: "released",
    pullRequest: null,
  } as const;
  const states = new Map([["staging", { freeze: null, pipelines: new Map([["sum", { ...NOTHING, live }]]) }]]);
  expect(await asked(LABELLED, true, { own, recorded: [], states })).toEqual(nothing);
  // Put there once more, later, it asks for what a label cannot.
  const since = "2025-12-31T00:00:00Z";
  expect((await asked(LABELLED, true, { own, recorded: [], states, since })).refused).toHaveLength(1);
});

test("a label on a change that was merged into another branch is refused with where to put it", async () => {
  expect(await asked([["promote:staging", "alice"]], true, null, true)).toEqual({
    asked: [],
    refused: [
      "promote:staging: the label `promote:staging` asks for nothing, and is taken off: it asks for a run of `main`, and this change was merged into `dev`; put it on the pull request that brings the change to `main`",
    ],
    decided: [5],
  });
});

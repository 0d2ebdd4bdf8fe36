import { execFileSync } from "node:child_process";

import fc from "fast-check";
import { expect, test } from "vitest";

import { readableNames } from "../../src/expression/condition.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { parseTrailers } from "../../src/manifest/commit-message.ts";
import { judgeGates, liveGate } from "../../src/policy/gate.ts";
import { gaveWayTo, refusalOfCandidate } from "../../src/release/candidate.ts";
import { evidenceDigest, type Evidence } from "../../src/release/evidence.ts";
import { parsePin, pinPath, releaseOf, renderPin } from "../../src/release/release.ts";
import { eventMessage, eventPath, parseEvent, recordedEvent, renderEvent } from "../../src/release/release-event.ts";
import type { ReleaseEvent } from "../../src/release/release-event.ts";
import { digitsRun, REPOSITORY, runId, sha } from "../manifest/run-records.ts";

const manifest = digestOf("manifest");
const record = digitsRun({ trigger: "push" });
const release = releaseOf(record, manifest);
const pin = { environment: "prod", pipeline: "digits", run: runId("a"), manifest, source: sha("c") };

test("a pin gives back what it was made from, and no other bytes are one", () => {
  const text = renderPin(pin);
  expect(parsePin(text)).toEqual(pin);
  expect(pinPath(pin)).toBe("environments/prod/digits.yaml");
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.constantFrom("x", "", "\n", " "), (at, put) => {
      const changed = text.slice(0, at) + put + text.slice(at + 1);
      if (changed === text) return;
      const parsed = parsePin(changed);
      // A change inside a name is another pin; anything else is none.
      if (parsed !== undefined) expect(renderPin(parsed)).toBe(changed);
    }),
  );
});

test("a release is what its run fixed", () => {
  expect(release).toMatchObject({ pipeline: "digits", run: record.id, source: record.source, manifest });
  expect(release.metrics).toEqual({ accuracy: 0.9889, log_loss: 0.0709 });
  // The model is read by the step that evaluates it, and is what people deploy.
  expect(release.artifacts.map(({ path }) => path)).toEqual([
    "reports/metrics.json",
    "build/model.json",
    "build/train.csv",
    "build/test.csv",
  ]);
});

const event: ReleaseEvent = {
  kind: "approved",
  environment: "prod",
  pipeline: "digits",
  run: runId("a"),
  evidence: digestOf("evidence"),
  by: { id: 7, login: "hubot" },
  cause: "review:12",
  at: "2026-01-01T00:00:00Z",
  reason: null,
  pullRequest: 12,
  deployment: null,
  revokes: null,
};

test("an event gives back what it was made from, at a path of its own", () => {
  const signed = { repository: "42", event };
  expect(parseEvent(renderEvent(signed))).toEqual(signed);
  expect(recordedEvent(eventMessage(event))).toBe(eventPath(event));
  expect(eventPath({ ...event, cause: "review:13" })).not.toBe(eventPath(event));
  const later = { ...event, at: "2027-01-01T00:00:00Z" };
  expect(eventPath(later)).toBe(eventPath(event));
});

test("an event's commit is read by plain git", () => {
  const hostile = { ...event, by: { id: 7, login: "eve\nSluice-Approved-By: ada" } };
  const read = execFileSync("git", ["interpret-trailers", "--parse"], {
    input: eventMessage(hostile),
    encoding: "utf8",
  });
  expect(read.match(/^Sluice-Approved-By: /gm)).toHaveLength(1);
  expect(eventMessage(event).split("\n")[0]).toBe("prod/digits: approved by hubot");
  expect(parseTrailers(eventMessage(event)).get("Sluice-Evidence")).toEqual([event.evidence]);
  expect(eventMessage({ ...event, kind: "held", pipeline: null, reason: "holidays" })).toMatch(
    /^prod: held by hubot · holidays\n/,
  );
});

test("any bytes are an event or none, and never an exception", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      expect(parseEvent(new TextEncoder().encode(text))?.event.cause ?? "").toBeTypeOf("string");
    }),
  );
});

const evidence: Evidence = {
  environment: "prod",
  candidate: release,
  live: null,
  gates: [{ source: "metrics.accuracy > 0.9", outcome: "passed", why: "" }],
  base: null,
  settings: digestOf("settings"),
  deploy: null,
};

test.each<[string, Partial<Evidence>]>([
  ["the candidate", { candidate: { ...release, manifest: digestOf("other") } }],
  ["the live release", { live: release }],
  ["a gate", { gates: [{ source: "metrics.accuracy > 0.9", outcome: "failed", why: "" }] }],
  ["the pin's base", { base: digestOf("pin") }],
  ["sluice.yaml", { settings: digestOf("more") }],
  ["the deploy pipeline", { deploy: digestOf("deploy") }],
])("approvals die with %s", (_, change) => {
  expect(evidenceDigest({ ...evidence, ...change })).not.toBe(evidenceDigest(evidence));
});

const gated = { environment: "prod", record, release, live: null, reproducible: null };
const gate = (source: string, first: "allow" | "deny" = "allow") => ({ source, first, at: [1, 1, 1, 1] as const });

test("gates are over doubles, and what cannot be told does not hold", () => {
  const outcomes = (source: string, first: "allow" | "deny" = "allow", more = {}): string | undefined =>
    judgeGates([gate(source, first)], { ...gated, ...more })[0]?.outcome;
  expect(outcomes("metrics.accuracy >= 0.95")).toBe("passed");
  expect(outcomes("metrics.accuracy >= 1")).toBe("failed");
  expect(outcomes("metrics.unheard >= 0.95")).toBe("unknown");
  expect(outcomes("run.reproducible == true")).toBe("unknown");
  expect(outcomes("run.reproducible == true", "allow", { reproducible: true })).toBe("passed");
  const nexts = [
    "run.reproducible == true",
    "run.reproducible == true && metrics.unheard > 1",
    "!run.reproducible",
  ].map((source) => judgeGates([gate(source)], gated)[0]?.next);
  const said = `sluice reproduce ${record.id.slice(0, 8)} in a clone, and the git push that it names`;
  expect(nexts).toEqual([said, undefined, undefined]);
  expect(outcomes("metrics.accuracy >= live.metrics.accuracy - 0.002")).toBe("not-applicable");
  expect(outcomes("metrics.accuracy >= live.metrics.accuracy - 0.002", "deny")).toBe("failed");
  expect(outcomes("metrics.accuracy >= live.metrics.accuracy - 0.002", "deny", { live: release })).toBe("passed");
});

test("each name that the language reference lists for gates can be told of a run", () => {
  const names = readableNames("gate").map((name) => name.replace("<name>", "accuracy"));
  const told = judgeGates(
    names.map((name) => gate(`${name} == ${name}`)),
    { ...gated, live: release, reproducible: true },
  );
  expect(names).toContain("live.run.source");
  expect(told.map(({ source, outcome }) => [source, outcome])).toEqual(
    names.map((name) => [`${name} == ${name}`, "passed"]),
  );
});

test("what is live and cannot be read is not taken for the first release", () => {
  expect(liveGate(null, null)).toEqual([]);
  expect(liveGate(release.run, release)).toEqual([]);
  expect(liveGate(release.run, null)).toMatchObject([{ outcome: "unknown" }]);
});

test.each<[string, Partial<typeof record>, RegExp]>([
  ["failed", { status: "failed" }, /failed/],
  ["superseded", { status: "superseded" }, /superseded/],
  ["local", { trigger: "local" }, /somebody's machine/],
  ["foreign", { repository: "other" }, /another repository/],
  ["dirty", { dirty: { tree: "tree", paths: ["a"] } }, /no commit holds/],
  ["with parameters of its own", { overrides: { seed: 2 } }, /parameters of its own \(seed\)/],
  ["in another environment", { environmentDrift: true }, /environment/],
])("a run that is %s is never promoted", (_, change, why) => {
  expect(refusalOfCandidate({ ...record, ...change }, REPOSITORY, "main")?.why).toMatch(why);
  expect(refusalOfCandidate(record, REPOSITORY, "main")).toBe(null);
  expect(refusalOfCandidate(record, REPOSITORY, "pr")?.why).toMatch(/default branch/);
});

test("what was asked of runs that gave way is asked of the one they gave way to", () => {
  const run = (id: string, status: "succeeded" | "superseded", request = "push:main") => ({
    id: runId(id),
    status,
    request,
  });
  const runs = [
    run("a", "succeeded"),
    run("b", "superseded"),
    run("c", "succeeded", "pull-request:7"),
    run("d", "superseded"),
    run("e", "succeeded"),
    run("f", "superseded"),
  ];
  expect(gaveWayTo(runs, runId("a"))).toEqual([run("b", "superseded"), run("d", "superseded")]);
  expect(gaveWayTo(runs, runId("e"))).toEqual([run("f", "superseded")]);
  expect(gaveWayTo(runs, runId("c"))).toEqual([]);
  expect(gaveWayTo(runs, runId("z"))).toEqual([]);
});

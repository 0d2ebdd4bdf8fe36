import { execFileSync } from "node:child_process";

import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { commitMessage, parseTrailers, runMetrics, runTrailers } from "../../src/manifest/commit-message.ts";
import { digitsRun, doneStep } from "./run-records.ts";

const manifest = digestOf("manifest");

test("plain git reads the trailers that we write", () => {
  const run = digitsRun({ requestedBy: "ada\nSluice-Status: failed", approvedBy: ["a: b", "#x"] });
  const message = commitMessage(run, manifest, "accuracy 0.9889 (+0.0041)");
  const read = execFileSync("git", ["interpret-trailers", "--parse"], { input: message, encoding: "utf8" });
  expect(read.trimEnd().split("\n")).toEqual(runTrailers(run, manifest).map(([key, value]) => `${key}: ${value}`));
  expect(read.match(/^Sluice-Status: .*$/gm)).toEqual(["Sluice-Status: succeeded"]);
});

test("our own reading gives back what was written, repeated keys in order", () => {
  const trailers = parseTrailers(commitMessage(digitsRun({ approvedBy: ["x", "y"] }), manifest, undefined));
  expect(trailers.get("Sluice-Approved-By")).toEqual(["x", "y"]);
  expect(trailers.get("Sluice-Metric")).toEqual(["accuracy=0.9889", "log_loss=0.0709"]);
});

test.each(["Sluice-Run: x", "", "a\n\nSluice-Run: x\n\nprose"])(
  "what is no trailer block gives none: %j",
  (message) => {
    expect([...parseTrailers(message).keys()]).toEqual([]);
  },
);

test("at most twenty metrics, those that the pipeline names first", () => {
  const metrics = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`m${at}`, at]));
  const run = digitsRun();
  const many = { ...run, steps: [doneStep("extra", { inputs: [], outputs: { m: "m" }, metrics }), ...run.steps] };
  const found = parseTrailers(commitMessage(many, manifest, undefined)).get("Sluice-Metric") ?? [];
  expect(found).toHaveLength(20);
  expect(found.slice(0, 3)).toEqual(["accuracy=0.9889", "log_loss=0.0709", "m0=0"]);
});

test("a metric named like a member of every object is not made up", () => {
  const specs = ["constructor", "__proto__", "toString"].map((name) => ({
    name,
    step: "evaluate",
    goal: null,
    tolerance: null,
    gate: null,
    gateAction: "stop" as const,
  }));
  expect(runMetrics(digitsRun({ metricSpecs: specs })).map(([name]) => name)).toEqual(["accuracy", "log_loss"]);
});

test("a long name is cut and its value kept", () => {
  const run = digitsRun();
  const steps = [doneStep("long", { inputs: [], outputs: { m: "m" }, metrics: { ["x".repeat(500)]: 0.5 } })];
  const [metric] =
    parseTrailers(commitMessage({ ...run, metricSpecs: [], steps }, manifest, undefined)).get("Sluice-Metric") ?? [];
  expect(metric).toMatch(/^x+…=0\.5$/);
  expect(metric?.length).toBeLessThanOrEqual(200);
});

import { expect, test } from "vitest";

import { narrow } from "../../src/pipeline/narrow.ts";
import { parseOperator } from "../../src/pipeline/parse-operator.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";
import { grantStep, type Asking } from "../../src/policy/grants.ts";
import { parsed } from "../builders/pipeline.ts";

const source = (text: string) => ({ path: "x.yaml", bytes: new TextEncoder().encode(text) });

const operator = parseOperator(
  source(`version: 1
installations: [{ account: acme, sources: ["env:HF_*", "env:APP_ID"] }]
pools:
  default: {}
  gpu: { on: [push], executors: [process] }
  strangers: { untrusted: true }
`),
).value;

const settings = parseSettings(
  source(`version: 1
forks: { run: maintainer, pool: strangers }
secrets:
  HF_TOKEN: { from: "env:HF_TOKEN", pipelines: [p], steps: [train], on: [push] }
  OURS: { from: "env:APP_ID" }
`),
).value;

if (operator === null || settings === null) throw new Error("the fixtures are not valid");
const rules = narrow(operator, settings, "acme/digits");

const step = (rest: string) => {
  const [only] = parsed(`version: 1\nsteps: { train: { run: x, ${rest} } }\n`).steps;
  if (only === undefined) throw new Error("it has one step");
  return only;
};
const ask = (rest: string, more: Partial<Asking> = {}) =>
  grantStep(rules, step(rest), { pipeline: "p", trigger: "push", domain: "main", ...more });

test("what is granted names the pool and where secrets come from", () => {
  expect(ask("secrets: [HF_TOKEN], resources: { pool: gpu }")).toMatchObject({
    kind: "granted",
    name: "gpu",
    secrets: [{ name: "HF_TOKEN", from: "env:HF_TOKEN" }],
  });
});

test.each<[string, Partial<Asking>, string, string]>([
  ["resources: { pool: huge }", {}, "the pool `huge`, which there is not", "default, gpu, strangers"],
  [
    "resources: { pool: gpu }",
    { trigger: "command" },
    "`gpu` is not given to command",
    "add `command` to `pools.gpu.on`",
  ],
  ["resources: { pool: strangers }", {}, "takes no work of the default branch", "`pools.strangers.domains`"],
  ["executor: slurm", {}, "`default` has no executor `slurm`", "`pools.default.executors`"],
  ["secrets: [OTHER]", {}, "`OTHER`, which is not granted", 'OTHER: { from: "env:OTHER", pipelines: [p]'],
  ["secrets: [HF_TOKEN]", { trigger: "command" }, "to the trigger `command`", "`secrets.HF_TOKEN.on`"],
  ["secrets: [HF_TOKEN]", { pipeline: "q" }, "to pipeline `q`", "`secrets.HF_TOKEN.pipelines`"],
  // Sluice's own variables are nobody's, even where a list says otherwise.
  ["secrets: [OURS]", {}, "`OURS`, which is not granted", "below `secrets:`"],
  ["secrets: [HF_TOKEN]", { domain: "fork/3" }, "nothing of a fork gets one", "after the merge"],
  ["network: true", { domain: "fork/3" }, "`train` asks for the network, and nothing of a fork may", "after the merge"],
  [
    "effects: true",
    { domain: "fork/3" },
    "`train` changes the outside world, and nothing of a fork",
    "after the merge",
  ],
])("%s %o: %s", (rest, more, why, next) => {
  const refused = ask(rest, more);
  expect(refused.kind === "refused" ? [refused.why, refused.next] : []).toEqual([
    expect.stringContaining(why),
    expect.stringContaining(next),
  ]);
});

test("without leave for forks nothing of one is granted, whatever it asks for", () => {
  const never = narrow(operator, { ...settings, forks: { run: "never", pool: null } }, "acme/digits");
  const asking = { pipeline: "p", trigger: "command", domain: "fork/3" } as const;
  expect(grantStep(never, step("cache: true"), asking)).toMatchObject({
    kind: "refused",
    why: "pull requests from forks are planned and not run",
  });
});

test("a fork's steps go to the pool that the rules name for forks, whatever they ask for", () => {
  expect(ask("resources: { pool: gpu }", { domain: "fork/3" })).toMatchObject({ kind: "granted", name: "strangers" });
});

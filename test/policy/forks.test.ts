import { expect, test } from "vitest";

import { narrow } from "../../src/pipeline/narrow.ts";
import { parseOperator } from "../../src/pipeline/parse-operator.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";
import { leaveForForks, mayRunForks } from "../../src/policy/forks.ts";
import type { Role } from "../../src/policy/permission.ts";

const source = (text: string) => ({ path: "x.yaml", bytes: new TextEncoder().encode(`version: 1\n${text}\n`) });

function rulesOf(operator: string, settings: string) {
  const read = [parseOperator(source(operator)).value, parseSettings(source(settings)).value] as const;
  if (read[0] === null || read[1] === null) throw new Error("the fixtures are not valid");
  return narrow(read[0], read[1], "acme/digits");
}

const POOL = "pools: { strangers: { untrusted: true } }";
const MAINTAINER = "forks: { run: maintainer, pool: strangers }";

test("forks run where the default branch says so and names a pool that the operator marks", () => {
  expect(leaveForForks(rulesOf(POOL, MAINTAINER))).toEqual({ kind: "granted" });
});

test.each([
  ["nothing is written", POOL, "", "planned and not run", "write `forks: { run: maintainer, pool: strangers }`"],
  [
    "no pool is marked",
    "",
    "",
    "planned and not run",
    "ask the operator for a pool with `untrusted: true`, then write",
  ],
  [
    "another pool is named",
    POOL,
    "forks: { run: maintainer, pool: default }",
    "only on a pool that the operator marks untrusted",
    "pool: strangers }`",
  ],
  ["the operator says never", `${POOL}\nforks: { run: never }`, MAINTAINER, "the operator runs nothing of forks", ""],
  ["another mistake stands there", POOL, "sandbox: off\npools: { huge: {} }", "planned and not run", "strangers"],
])("forks do not run where %s, and what to write is said", (_, operator, settings, why, next) => {
  expect(leaveForForks(rulesOf(operator, settings))).toEqual({
    kind: "refused",
    why: expect.stringContaining(why) as string,
    next: expect.stringContaining(next) as string,
  });
});

test("a fork's head is run for those who maintain, and for nobody else", () => {
  const rules = rulesOf(POOL, MAINTAINER);
  const ask = (role: Role) => mayRunForks(rules, { role, command: "/sluice run" });
  for (const role of ["none", "read", "triage", "write"] as const)
    expect(ask(role)).toEqual({
      kind: "refused",
      why: "running what a fork brings needs maintain permission",
      next: "ask somebody who has it to comment /sluice run",
    });
  for (const role of ["maintain", "admin"] as const) expect(ask(role)).toEqual({ kind: "granted" });
  expect(mayRunForks(rulesOf(POOL, ""), { role: "admin", command: "/sluice run" }).kind).toBe("refused");
});

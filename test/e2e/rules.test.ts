import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { readOperator } from "../../src/main/serve/operator.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { gitIn, recorded, town } from "./town.ts";

const OPERATOR = `version: 1
pools: { default: { concurrency: 2, usd_per_hour: 3.5 } }
policies:
  - { name: named owner, warn: "plan.owner == null" }
`;

const SETTINGS = `version: 1
policies:
  - { name: pinned environments, deny: "plan.steps.exists(s, !s.pinned)" }
  - { name: cost, warn: "plan.forecast.cost_usd > 50" }
permissions: { run: { team: ml } }
`;

test(
  "rules come from the default branch and the operator; what the change makes of them decides nothing",
  {
    timeout: 90_000,
  },
  async () => {
    const place = await town({ operator: OPERATOR });
    const { twin } = place;
    const until: typeof place.until = (what, fact) => place.until(what, fact);
    const { forge } = twin;
    const repository = await digits(forge, { "sluice.yaml": SETTINGS });
    await until("the run of the default branch is recorded", async () => (await recorded(repository)).length === 1);
    await forge.commit(repository, {
      ...PLUS_TWO,
      branch: "more",
      files: { ...PLUS_TWO.files, "sluice.yaml": "version: 1\npools: { huge: {} }\n" },
    });
    const pull = await forge.openPull(repository, { branch: "more", title: "Add more", login: "alice" });
    const comments = () => repository.comments.get(pull.number) ?? [];
    const sticky = () => comments().find((comment) => comment.app !== null)?.body ?? "";
    const check = () => repository.checks.find(({ name, head }) => name === "sluice / plan" && head === pull.head);
    await until("the check is there", () => check()?.conclusion === "failure");
    await until("the comment is there", () => sticky() !== "");
    // A mistake in the settings of the change is told at its place.
    expect(sticky()).toContain("`sluice.yaml:2:");
    expect(sticky()).toContain("the operator has no pool `huge`");
    expect(check()?.output.annotations).toEqual([expect.objectContaining({ path: "sluice.yaml", start_line: 2 })]);

    await forge.commit(repository, {
      branch: "more",
      files: { "sluice.yaml": "version: 1\n" },
      message: "Loosen the rules",
      login: "alice",
    });
    await until("the rules of the base deny it", () => check()?.output.title === "1 policy not met");
    expect(check()?.conclusion).toBe("failure");
    await until("the comment says so", () => sticky().includes("| pinned environments | denied |"));
    expect(sticky()).toContain("Policies (1 denied, 2 warnings)");
    expect(sticky()).toContain("cannot be judged: \\`cost_usd\\` is not known");
    expect(sticky()).toContain("cost unknown");
    expect(sticky()).toContain("which decides nothing before it is merged");
    expect(sticky()).toContain("| pinned environments | passed | the change removes it |");

    // `permissions:` of the default branch, not those of the head.
    const asked = (login: string): void =>
      void forge.comment(repository, pull.number, { body: "/sluice run", user: forge.world.user(login), app: null });
    asked("alice");
    await until("alice is told what it needs", () => sticky().includes("is for members of ml"));
    expect(await gitIn(repository.directory, "for-each-ref", "refs/sluice/runs")).toBe("");
    forge.world.teams.set("acme/ml", new Set(["mallory"]));
    asked("mallory");
    await until("a member runs it", () => sticky().includes("| total"));
  },
);

test("an operator's file that is not one stops the start with its place and an example", () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-operator-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "operator.yaml");
  writeFileSync(file, "version: 1\npools: { gpu: { usd_per_hour: cheap } }\n");
  const read = readOperator(file);
  expect(read).toMatchObject({ kind: "refused", next: expect.stringContaining("pools: { default:") as string });
  expect(read.kind === "refused" ? read.why : "").toContain(`${file}:2:`);
  expect(readOperator(join(directory, "none.yaml"))).toMatchObject({ kind: "refused" });
  expect(readOperator(null)).toMatchObject({ kind: "ok", operator: { pools: { default: { concurrency: 4 } } } });
});

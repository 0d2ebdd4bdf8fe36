import { expect, test } from "vitest";

import { repository } from "../sluice.ts";

const TRAIN = `version: 1
name: digits
steps:
  train: { run: "echo 1 > model.txt", outputs: [model.txt] }
`;

const ship = (rest = "", on = ""): string => `version: 1
${on}steps:
  ship:
    run: "cat model.txt; touch shipped"
    inputs: ["release:model.txt"]${rest}
`;

const settings = (deploy: string): string =>
  `version: 1\nenvironments:\n  staging: {}\n  prod:\n    deploy: ${deploy}\n`;

const files = { "pipelines/digits.yaml": TRAIN, "pipelines/ship.yaml": ship() };

test("a pipeline that an environment names in `deploy:` reads what was released, and releases alone run it", async () => {
  const bench = repository({ ...files, "sluice.yaml": settings("pipelines/ship.yaml") });
  bench.commit();
  expect((await bench.sluice("validate")).stdout).toBe("2 pipelines: no problems\n");
  const plan = await bench.sluice("plan", "ship");
  expect(plan.stdout).toContain("a release runs it");
  // Not even somebody who may change the outside world runs it by hand: nothing is released there.
  expect((await bench.sluice("run", "ship", "--with-effects")).stdout).toContain("nothing to do");
});

test("`release:` elsewhere, `on:` there, and a file that is not there are told at their lines", async () => {
  const bench = repository({ ...files, "sluice.yaml": "version: 1\n" });
  bench.commit();
  expect((await bench.sluice("validate")).stderr).toMatch(/ship\.yaml:5:14: .*can be read by deploy pipelines only/);

  bench.write("sluice.yaml", settings("pipelines/ship.yaml"));
  bench.write("pipelines/ship.yaml", ship("", "on: { push: false }\n"));
  const triggers = await bench.sluice("validate");
  expect(triggers.code).toBe(1);
  expect(triggers.stderr).toMatch(/ship\.yaml:2:1: .*`prod`.* `on:`/);

  bench.write("pipelines/ship.yaml", ship());
  bench.write("sluice.yaml", settings("pipelines/shop.yaml"));
  const missing = await bench.sluice("validate");
  expect(missing.stderr).toMatch(/sluice\.yaml:5:13: .*`pipelines\/shop\.yaml`, which does not exist/);
  expect(missing.stderr).toContain("did you mean `pipelines/ship.yaml`?");

  bench.write("deploy/ship.yaml", ship());
  bench.write("sluice.yaml", settings("deploy/ship.yaml"));
  expect((await bench.sluice("validate")).stderr).toContain("which `pipelines: pipelines/*.yaml` does not select");
});

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { repository } from "../sluice.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/steps.md"), "utf8");

test("the example of docs/steps.md sees what the page says", async () => {
  const [params = "", script = "", pipeline = "", seen = ""] = [...PAGE.matchAll(/^```(?:yaml)?\n([^]*?)^```$/gm)].map(
    (match) => match[1] ?? "",
  );
  const bench = repository({ "params.yaml": params, "src/show.sh": script, "pipelines/show.yaml": pipeline });
  bench.commit();

  const ran = await bench.sluice("run");

  expect(ran.code, ran.stderr).toBe(0);
  expect(readFileSync(join(bench.root, "build/seen.txt"), "utf8")).toBe(seen);
});

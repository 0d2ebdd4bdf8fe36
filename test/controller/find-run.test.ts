import { expect, test } from "vitest";

import { runsNamed } from "../../src/controller/find-run.ts";
import { runId } from "../manifest/run-records.ts";

test("less than four characters name no run, though one alone begins so", () => {
  const runs = [runId("a"), runId("b")];
  const history = { byPrefix: (prefix: string) => runs.filter((id) => id.startsWith(prefix)) };
  const [first] = runs;
  if (first === undefined) throw new Error("unreachable: there are two");
  expect(runsNamed(history, first)).toEqual([first]);
  expect(runsNamed(history, first.slice(0, 4))).toEqual([first]);
  for (const text of [first.slice(0, 3), first.slice(0, 1), "", "latest~1", "#12"])
    expect(runsNamed(history, text)).toEqual([]);
});

import { expect, test } from "vitest";

import type { At } from "../../src/main/serve/at.ts";
import { installationChanged } from "../../src/main/serve/everywhere.ts";
import { memoryTable } from "../controller/memory-table.ts";

const REF = { id: 42, fullName: "acme/digits", installation: 1 };

test("where the App was put back nothing waits for the end of a silence, and where it was taken out nothing is asked", async () => {
  const told: string[] = [];
  const add = async (_: string, all: readonly { readonly id: string }[]) => void told.push(...all.map(({ id }) => id));
  const forges = { letIn: (installation: number) => void told.push(`let in ${installation}`) };
  const at = { queue: { table: memoryTable(), jobs: { add } }, service: { parts: { forges } } } as unknown as At;
  const installation = { kind: "installation", installation: 1 } as const;

  await installationChanged(at, { ...installation, added: [], removed: [REF], gone: true });
  expect(told).toEqual([]);
  await installationChanged(at, { ...installation, added: [REF], removed: [], gone: false });
  // First: the look that follows is to find the door open.
  expect(told).toEqual(["let in 1", "reconcile-42"]);
});

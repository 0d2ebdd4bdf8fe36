import { expect } from "vitest";

import type { TwinComment, TwinRepository } from "../../src/twin/world.ts";
import { accepted, gitIn, type Town } from "./town.ts";

/** The App's own comments at a pull request. */
export function own(repository: TwinRepository, number: number): readonly TwinComment[] {
  return (repository.comments.get(number) ?? []).filter((comment) => comment.app !== null);
}

/**
 * Everything that must be so whatever a forge did: nothing accepted is open, each run has one manifest, each check's
 * name stands once on a commit and says how it ended, no comment stands twice, and git is content.
 */
export async function expectInOrder(place: Town, repository: TwinRepository): Promise<void> {
  const { directory } = repository;
  await place.twin.forge.deliveries.idle();
  await place.until("every check has ended", () => repository.checks.every(({ status }) => status === "completed"));
  await place.until("nothing is wanted any more", async () => (await wanted(place, repository)).length === 0);
  expect(await accepted(repository)).toBe("");
  const trailers = "--format=%(trailers:key=Sluice-Run,valueonly,separator=%x20)";
  const runs = (await gitIn(directory, "log", trailers, "sluice/ledger", "--")).split("\n").filter((run) => run !== "");
  expect(runs).toEqual([...new Set(runs)]);
  const manifests = (await gitIn(directory, "ls-tree", "-r", "--name-only", "sluice/ledger"))
    .split("\n")
    .filter((path) => path.endsWith("/manifest.json"));
  expect(manifests.map((path) => path.split("/").at(-2)).toSorted()).toEqual(runs.toSorted());
  const names = repository.checks.map(({ head, name }) => `${name} at ${head}`);
  expect(names).toEqual([...new Set(names)]);
  for (const number of repository.comments.keys()) {
    const markers = own(repository, number).map(({ body }) => /<!-- [^>]+ -->/.exec(body)?.[0]);
    expect(markers).toEqual([...new Set(markers)]);
  }
  await gitIn(directory, "fsck", "--strict", "--no-dangling");
}

function wanted({ service }: Town, { installation }: TwinRepository): Promise<readonly unknown[]> {
  return service.queue.table.entries(`outbox/${installation}`);
}

import { expect, test } from "vitest";

import { digits } from "./repositories.ts";
import { gitIn, town, type Town } from "./town.ts";
import type { TwinRepository } from "../../src/twin/world.ts";

/** A step that does not end by itself, and says that it began. */
const FOREVER = `version: 1
name: sum
params: params.yaml
steps:
  add: { run: "sleep 600", params: [plus], outputs: [sum.txt] }
`;

async function begun(place: Town): Promise<{ readonly repository: TwinRepository; readonly number: number }> {
  const { forge } = place.twin;
  const repository = await digits(forge);
  await forge.commit(repository, {
    branch: "more",
    files: { "pipelines/sum.yaml": FOREVER, "params.yaml": "plus: 5\n" },
    message: "For ever",
    login: "alice",
  });
  const { number } = await forge.openPull(repository, { branch: "more", title: "For ever", login: "alice" });
  forge.comment(repository, number, { body: "/sluice run", user: forge.world.user("alice"), app: null });
  await place.until("the run is accepted", async () => (await accepted(repository)) !== "");
  return { repository, number };
}

function accepted({ directory }: TwinRepository): Promise<string> {
  return gitIn(directory, "for-each-ref", "--format=%(refname)", "refs/sluice/runs");
}

function statuses({ directory }: TwinRepository): Promise<string> {
  const format =
    "--format=%(trailers:key=Sluice-Trigger,valueonly,separator=%x20) %(trailers:key=Sluice-Status,valueonly,separator=%x20)";
  return gitIn(directory, "log", format, "sluice/ledger", "--").catch(() => "");
}

test(
  "a run says which step it is at, and /sluice cancel ends it for real, and records it",
  { timeout: 60_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const { repository, number } = await begun(place);
    const told = (): string => (repository.comments.get(number) ?? []).map(({ body }) => body).join("\n");
    await place.until("it says what runs", async () => told().includes("0 of 1 step done · now `add` · begun 20"));
    forge.comment(repository, number, { body: "/sluice cancel", user: forge.world.user("alice"), app: null });
    await place.until("it is recorded", async () => (await statuses(repository)).includes("command cancelled"));
    await place.until("nothing is open", async () => (await accepted(repository)) === "");
    expect((await statuses(repository)).match(/command/g)).toHaveLength(1);
  },
);

test("a push supersedes the run of the head before it", { timeout: 60_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const { repository } = await begun(place);
  await forge.commit(repository, {
    branch: "more",
    files: { "params.yaml": "plus: 6\n" },
    message: "Six",
    login: "alice",
  });
  await place.until("it is recorded", async () => (await statuses(repository)).includes("command superseded"));
  // The comment asked for the head that it was written for, and not for the next one.
  await place.until("nothing is open", async () => (await accepted(repository)) === "");
  expect((await statuses(repository)).match(/command/g)).toHaveLength(1);
});

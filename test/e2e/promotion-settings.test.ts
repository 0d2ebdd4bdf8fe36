import { execFileSync } from "node:child_process";

import { expect, test } from "vitest";

import { asked, events, settings, stage } from "./stage.ts";

test("a promotion waits for what settings came to demand as it was merged, and ends with its pipeline", async () => {
  const place = await stage();
  const { forge, repository, label, until, check } = place;
  const page = await asked(place, await place.merge(2));
  const strict = await forge.commit(repository, {
    branch: "strict",
    files: { "sluice.yaml": settings("{ count: 2 }") },
    message: "Two",
    login: "max",
  });
  // Asked for as it is decided, and once more as it is merged.
  const role = repository.roles.get.bind(repository.roles);
  let moved = false;
  repository.roles.get = (login) => {
    if (login === "bob" && !moved) {
      moved = true;
      execFileSync("git", ["-C", repository.directory, "update-ref", "refs/heads/main", strict]);
    }
    return role(login);
  };
  label(page, "approve:staging", "bob");
  await until("what main demands by now is missing", () => check(page).includes("waiting for 2 approvals"));
  expect(page.merged).toBe(false);

  await forge.commit(repository, {
    branch: "main",
    files: {
      "pipelines/sum.yaml": null,
      "pipelines/other.yaml": 'version: 1\nname: other\nsteps:\n  a: { run: "echo 1 > o.txt", outputs: [o.txt] }\n',
    },
    message: "Another pipeline",
    login: "max",
  });
  const gone = "staging/sum: revoked by sluice · its pipeline is not on the default branch any more";
  await until("it is withdrawn", async () => (await place.ledger()).includes(gone));
  expect([page.state, page.merged]).toEqual(["closed", false]);
  expect(await events(place, "released")).toEqual([]);
}, 240_000);

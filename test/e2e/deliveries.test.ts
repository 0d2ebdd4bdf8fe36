import { expect, test } from "vitest";

import { gitIn, minutePasses, nothingToDo, town } from "./town.ts";
import { digits, PLUS_TWO } from "./repositories.ts";

async function ledgerOf(directory: string): Promise<string> {
  try {
    return await gitIn(directory, "log", "--format=%s%n%b", "sluice/ledger", "--");
  } catch {
    return "";
  }
}

test(
  "without any delivery a minute is enough: the plan, the run and the record are the same",
  { timeout: 60_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    forge.deliveries.drop = true;
    const repository = await digits(forge);
    await minutePasses(place);
    await place.until("the first run is recorded", async () =>
      (await ledgerOf(repository.directory)).includes("Trigger: push"),
    );

    await forge.commit(repository, { ...PLUS_TWO, branch: "more" });
    const pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
    await minutePasses(place);
    await place.until("the plan is there", () => (repository.comments.get(pull.number) ?? []).length === 1);
    await forge.merge(repository, pull, { login: "alice" });
    await minutePasses(place);
    await place.until(
      "the merge is recorded",
      async () => (await ledgerOf(repository.directory)).match(/Trigger: push/g)?.length === 2,
    );
    expect((await ledgerOf(repository.directory)).match(/^Sluice-Run/gm)).toHaveLength(2);

    // A merge queue waits for the check of its commit.
    const base = (await gitIn(repository.directory, "rev-parse", "main")).trim();
    const branch = `gh-readonly-queue/main/pr-2-${base}`;
    const head = await forge.commit(repository, { ...PLUS_TWO, files: { "params.yaml": "plus: 3\n" }, branch });
    await minutePasses(place);
    await place.until("its check is there", () => repository.checks.some((check) => check.head === head));
  },
);

test("late deliveries, doubled and the newest first, lead to the same end", { timeout: 90_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  forge.deliveries.delay = true;
  forge.deliveries.double = true;
  const repository = await digits(forge);
  await forge.commit(repository, { ...PLUS_TWO, branch: "more" });
  const pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  await forge.commit(repository, {
    branch: "more",
    files: { "params.yaml": "plus: 3\n" },
    message: "Three",
    login: "alice",
  });
  expect(repository.checks).toEqual([]);
  forge.deliveries.release();
  const own = () => (repository.comments.get(pull.number) ?? []).filter((comment) => comment.app !== null);
  await place.until("the newest plan is there", () => own().some((comment) => comment.body.includes("**3**")));
  await place.until("the first run is recorded", async () =>
    (await ledgerOf(repository.directory)).includes("Trigger: push"),
  );
  await forge.deliveries.idle();
  expect(own()).toHaveLength(1);
  expect(repository.checks.filter(({ name, head }) => name === "sluice / plan" && head === pull.head)).toHaveLength(1);
  expect((await ledgerOf(repository.directory)).match(/^Sluice-Run/gm)).toHaveLength(1);
});

test("doubled deliveries lead to one comment, one check of a name, and one run", { timeout: 60_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  forge.deliveries.double = true;
  const repository = await digits(forge);
  await forge.commit(repository, { ...PLUS_TWO, branch: "more" });
  const pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  forge.comment(repository, pull.number, { body: "/sluice run", user: forge.world.user("alice"), app: null });
  await place.until("the run is shown", () =>
    (repository.comments.get(pull.number) ?? []).some((comment) => comment.body.includes("| total")),
  );
  await place.until(
    "nothing is accepted any more",
    async () => (await gitIn(repository.directory, "for-each-ref", "refs/sluice/runs")) === "",
  );
  const comments = (repository.comments.get(pull.number) ?? []).filter((comment) => comment.app !== null);
  expect(comments).toHaveLength(1);
  expect(repository.checks.filter(({ name, head }) => name === "sluice / plan" && head === pull.head)).toHaveLength(1);
  expect((await ledgerOf(repository.directory)).match(/Trigger: command/g)).toHaveLength(1);
});

test(
  "a comment that somebody deleted comes back with the next change, and only once",
  { timeout: 60_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge);
    await forge.commit(repository, { ...PLUS_TWO, branch: "more" });
    const pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
    const own = () => (repository.comments.get(pull.number) ?? []).filter((comment) => comment.app !== null);
    await place.until("the plan is there", () => own().length === 1);
    repository.comments.set(pull.number, []);
    await forge.commit(repository, {
      branch: "more",
      files: { "params.yaml": "plus: 3\n" },
      message: "Three",
      login: "alice",
    });
    await place.until("it is there again", () => own().some((comment) => comment.body.includes("**3**")));
    expect(own()).toHaveLength(1);
  },
);

test("a change that no pipeline reads gets a check and no comment", { timeout: 60_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  await forge.commit(repository, {
    branch: "docs",
    files: { "README.md": "words\n" },
    message: "Words",
    login: "alice",
  });
  const pull = await forge.openPull(repository, { branch: "docs", title: "Words", login: "alice" });
  await place.until("the check is there", () => repository.checks.some(({ head }) => head === pull.head));
  expect(repository.checks.find(({ head }) => head === pull.head)).toMatchObject({ conclusion: "success" });
  expect(repository.comments.get(pull.number) ?? []).toEqual([]);

  // What was merged long ago and ran nothing has no comment either, and whoever asks there gets an answer.
  await forge.merge(repository, pull, { login: "alice" });
  const newer = await forge.commit(repository, {
    branch: "main",
    files: { "a.md": "" },
    message: "Next",
    login: "bob",
  });
  await place.until("the next commit was looked at", () => repository.checks.some(({ head }) => head === newer));
  const ask = (body: string): void =>
    void forge.comment(repository, pull.number, { body, user: forge.world.user("alice"), app: null });
  const answer = (): string => (repository.comments.get(pull.number) ?? []).find(({ app }) => app !== null)?.body ?? "";
  ask("/sluice cancel");
  await place.until("it is said why not", () => answer().includes("no run of this pull request is under way"));
  ask("/sluice help");
  await place.until("help is there", () => answer().includes("/sluice diff <run|ref>"));
});

test("a push to the base plans again what it touches, and writes nothing else", { timeout: 60_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  await forge.commit(repository, { ...PLUS_TWO, branch: "more" });
  const { number } = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  const plan = (): string =>
    (repository.comments.get(number) ?? []).find((comment) => comment.app !== null)?.body ?? "";
  await place.until("the plan is there", () => plan() !== "");
  await nothingToDo(place);
  const first = plan();
  const push = (files: Readonly<Record<string, string>>): Promise<string> =>
    forge.commit(repository, { branch: "main", files, message: "Base", login: "bob" });
  const words = await push({ "README.md": "words\n" });
  await place.until("the push was looked at", () => repository.checks.some(({ head }) => head === words));
  await nothingToDo(place);
  expect(plan()).toBe(first);
  const data = await push({ "data.txt": "50\n" });
  await place.until("it is planned on the new base", () => plan().includes(`onto \`${data.slice(0, 7)}\``));
});

test("a mistake is shown where it stands, as a failing check with an annotation", { timeout: 60_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  const broken = "version: 1\nname: sum\nsteps:\n  add: { run: sh add.sh, inputs: [data.tx], outputs: [sum.txt] }\n";
  await forge.commit(repository, {
    branch: "oops",
    files: { "pipelines/sum.yaml": broken },
    message: "Oops",
    login: "alice",
  });
  const pull = await forge.openPull(repository, { branch: "oops", title: "Oops @team <!-- -->", login: "alice" });
  await place.until("the check is there", () => repository.checks.some(({ head }) => head === pull.head));
  const check = repository.checks.find(({ head }) => head === pull.head);
  expect(check?.conclusion).toBe("failure");
  expect(check?.output.annotations[0]).toMatchObject({
    path: "pipelines/sum.yaml",
    start_line: 4,
    annotation_level: "failure",
  });
  await place.until("the comment is there", () => (repository.comments.get(pull.number) ?? []).length === 1);
  expect(repository.comments.get(pull.number)?.[0]?.body).toContain("did you mean");
});

test("a merge queue's commit gets its own check, and no comment", { timeout: 60_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  const base = (await gitIn(repository.directory, "rev-parse", "main")).trim();
  const branch = "gh-readonly-queue/main/pr-1-abc";
  const head = await forge.commit(repository, { ...PLUS_TWO, branch });
  await forge.mergeGroup(repository, { head, branch, base, login: "alice" });
  await place.until("the check is there", () => repository.checks.some((check) => check.head === head));
  const check = repository.checks.find((one) => one.head === head);
  expect(check).toMatchObject({ name: "sluice / plan", conclusion: "success" });
  expect(check?.output.text).toContain("parameter `plus` 1 → **2**");
  expect([...repository.comments.values()].flat()).toEqual([]);
});

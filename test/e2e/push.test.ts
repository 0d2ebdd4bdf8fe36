import { expect, test } from "vitest";

import { digits } from "./repositories.ts";
import { accepted, gitIn, minutePasses, recorded, town } from "./town.ts";

function pipeline(more: string, step = "run: echo 1 > one.txt"): string {
  return `version: 1\n${more}\nparams: params.yaml\nsteps:\n  add: { ${step}, params: [plus], outputs: [one.txt] }\n`;
}

function params(plus: number): Record<string, string> {
  return { "params.yaml": `plus: ${plus}\n` };
}

/** Everything that accepted runs were asked with. */
async function orders({ directory }: { readonly directory: string }): Promise<string> {
  const refs = (await accepted({ directory })).split("\n").filter((ref) => ref !== "");
  const texts = refs.map((ref) => gitIn(directory, "show", `${ref}:request.json`).catch(() => ""));
  return (await Promise.all(texts)).join("");
}

test(
  "what a push is due for: paths, branches, switched off, and first contact once",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge, {
      "pipelines/sum.yaml": pipeline("on: { push: { branches: [main, 'release/**', 'hotfix/**'] } }"),
      "pipelines/off.yaml": pipeline("on: { push: false }"),
      "pipelines/docs.yaml": pipeline("on: { push: { paths: ['docs/**'] } }"),
    });
    await place.until("first contact ran once each", async () => (await recorded(repository)).length === 2);
    expect((await recorded(repository)).toSorted()).toEqual(["docs push succeeded", "sum push succeeded"]);

    // Another work order, and no path of docs: only sum is due.
    await forge.commit(repository, { branch: "main", files: params(2), message: "Two", login: "alice" });
    await place.until("the push ran", async () => (await recorded(repository)).length === 3);
    expect(await recorded(repository)).toContain("sum push succeeded");
    await forge.commit(repository, { branch: "main", files: { "docs/a.md": "x\n" }, message: "Docs", login: "alice" });
    await place.until("docs ran for what had changed since", async () => (await recorded(repository)).length === 4);
    expect((await recorded(repository))[0]).toBe("docs push succeeded");

    await forge.commit(repository, { branch: "release/1", files: params(3), message: "Three", login: "alice" });
    await forge.commit(repository, { branch: "other/1", files: params(4), message: "Four", login: "alice" });
    await place.until("the release branch ran", async () => (await recorded(repository)).length === 5);
    await minutePasses(place);
    await place.until("nothing is open", async () => (await accepted(repository)) === "");
    expect((await recorded(repository)).filter((line) => line.startsWith("sum"))).toHaveLength(3);
    const tip = (await gitIn(repository.directory, "rev-parse", "main")).trim();
    await place.until("the check says what stands for the tip", () =>
      repository.checks.some(
        (check) => check.head === tip && check.output.summary.includes("`sum` is unchanged since run"),
      ),
    );
    // Pushed past any review.
    const files = { "pipelines/off.yaml": "version: 1\nsteps: [\n" };
    const broken = await forge.commit(repository, { branch: "main", files, message: "Oh", login: "alice" });
    await place.until("the check names what is broken, and what stands for the tip", () =>
      repository.checks.some(
        ({ head, conclusion, output: { title, summary } }) =>
          head === broken &&
          conclusion === "failure" &&
          /problems? in pipelines\/off\.yaml/.test(title) &&
          summary.includes("`sum` is unchanged since run"),
      ),
    );
  },
);

test(
  "of one branch one run is active and one pending, and an older pending one ends superseded",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const first = 'run: "test $SLUICE_PARAM_PLUS != 1 || sleep 600; echo 1 > one.txt"';
    const repository = await digits(forge, { "pipelines/sum.yaml": pipeline("name: sum", first) });
    await place.until("the first is accepted", async () => (await accepted(repository)) !== "");
    const active = (await accepted(repository)).trim().slice("refs/sluice/runs/".length);
    for (const plus of [2, 3]) {
      await forge.commit(repository, { branch: "main", files: params(plus), message: `${plus}`, login: "alice" });
      const asked = (await gitIn(repository.directory, "rev-parse", "main")).trim();
      await place.until(`${plus} is accepted`, async () => (await orders(repository)).includes(asked));
    }
    await place.until("the one between is recorded", async () => (await recorded(repository)).length === 1);
    expect(await recorded(repository)).toEqual(["sum push superseded"]);
    await place.service.queue.table.put("stop", active, "cancelled");
    await place.until("the others are recorded", async () => (await recorded(repository)).length === 3);
    expect(await recorded(repository)).toEqual(["sum push succeeded", "sum push cancelled", "sum push superseded"]);
    expect(await gitIn(repository.directory, "fsck", "--strict", "--no-dangling")).toBe("");
  },
);

test(
  "a merge with the label is recorded as skipped, and `pull_request: run` runs each head once",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge, { "pipelines/sum.yaml": pipeline("on: { pull_request: run }") });
    await place.until("the first run is recorded", async () => (await recorded(repository)).length === 1);
    await forge.commit(repository, { branch: "more", files: params(2), message: "Two", login: "alice" });
    const pull = await forge.openPull(repository, { branch: "more", title: "Two", login: "alice" });
    await place.until("the head ran by itself", async () => (await recorded(repository)).length === 2);
    expect((await recorded(repository))[0]).toBe("sum pull-request succeeded");
    forge.label(repository, pull, { name: "sluice:skip-run", add: true, login: "alice" });
    const merged = await forge.merge(repository, pull, { login: "alice" });
    await place.until("the merge is recorded", async () => (await recorded(repository)).length === 3);
    expect((await recorded(repository))[0]).toBe("sum push skipped");
    await place.until("its check says so", () =>
      repository.checks.some((check) => check.head === merged && check.conclusion === "skipped"),
    );
    await minutePasses(place);
    await place.until("nothing is open", async () => (await accepted(repository)) === "");
    expect(await recorded(repository)).toHaveLength(3);
  },
);

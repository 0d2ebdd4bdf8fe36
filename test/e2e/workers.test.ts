import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { packageIndex } from "../executor/package-index.ts";
import { digits } from "./repositories.ts";
import { gitIn, town } from "./town.ts";

const HELLO = `version: 1
name: hello
environment: { venv: .venv, lock: requirements.txt }
steps:
  say: { run: python -c 'import hello; print(hello.say())' > said.txt, outputs: [said.txt] }
`;

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-workers-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function subjects(repository: { readonly directory: string }): Promise<string> {
  return gitIn(repository.directory, "log", "--format=%s", "sluice/ledger", "--").catch(() => "");
}

test("a worker builds a pipeline's environment from the lock of the commit", { timeout: 120_000 }, async () => {
  await using index = await packageIndex(join(scratch(), "index"));
  const lock = `--index-url ${index.url}\n${index.wheel("hello", "1.0", "good day")}`;
  const place = await town();

  const repository = await digits(place.twin.forge, { "pipelines/hello.yaml": HELLO, "requirements.txt": lock });

  await place.until("it has run", async () => /^hello: succeeded/m.test(await subjects(repository)));
  expect(readdirSync(join(place.directory, "data", "environments", "built"))).toHaveLength(1);
});

test("`sandbox: require` of the operator is kept by workers that have none", { timeout: 120_000 }, async () => {
  const bin = join(scratch(), "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "bwrap"), "#!/bin/sh\necho 'no namespaces here' >&2; exit 1\n", { mode: 0o755 });
  const before = process.env["PATH"];
  process.env["PATH"] = `${bin}:${before ?? ""}`;
  onTestFinished(() => void (process.env["PATH"] = before));
  const place = await town({ operator: "version: 1\nsandbox: require\n" });

  const repository = await digits(place.twin.forge);

  await place.until("it has ended", async () => (await subjects(repository)) !== "");
  expect(await subjects(repository)).toMatch(/^sum: (refused|failed)/);
  const said = (): string => repository.checks.findLast(({ name }) => name === "sluice / run")?.output.summary ?? "";
  await place.until("the check says why", () => said().includes("sandbox: require"));
  expect(said()).toContain("bubblewrap does not start here: no namespaces here");
});

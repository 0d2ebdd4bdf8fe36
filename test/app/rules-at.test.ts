import { expect, test } from "vitest";

import { rulesReader } from "../../src/main/serve/rules-at.ts";
import type { TreeEntry } from "../../src/git/git.ts";
import { lostSettings } from "../../src/pipeline/lost-settings.ts";
import type { Narrowed } from "../../src/pipeline/narrow.ts";
import { parseOperator } from "../../src/pipeline/parse-operator.ts";
import { sha } from "../manifest/run-records.ts";

const operator = parseOperator(null).value;

type Entry = Pick<TreeEntry, "path" | "kind">;

/** The rules of a commit with this one entry. */
async function rulesOf(entry: Entry, text: string | undefined): Promise<Narrowed> {
  const commits = {
    tree: async () => [entry as TreeEntry],
    file: async () => (text === undefined ? undefined : new TextEncoder().encode(text)),
  };
  if (operator === null) throw new Error("no operator");
  return rulesReader(commits, { operator, repository: "acme/digits" })(sha("a"));
}

async function unreadable(entry: Entry, text: string | undefined): Promise<unknown> {
  return (await rulesOf(entry, text)).unreadable?.map(({ code }) => code);
}

test("what stands in the place of the settings and is no file makes the rules unreadable", async () => {
  expect(await unreadable({ path: "sluice.yaml", kind: "file" }, "version: 1")).toBeUndefined();
  expect(await unreadable({ path: "README.md", kind: "file" }, undefined)).toBeUndefined();
  expect(await unreadable({ path: "sluice.yaml/a", kind: "file" }, undefined)).toEqual(["not-a-file"]);
  expect(await unreadable({ path: "sluice.yaml", kind: "submodule" }, undefined)).toEqual(["not-a-file"]);
  expect(await unreadable({ path: "sluice.yaml", kind: "link" }, "version: 1")).toEqual(["linked-file"]);
});

test("a change that takes the settings away says what is lost, and one that leaves them says nothing", async () => {
  const file = { path: "sluice.yaml", kind: "file" } as const;
  const text =
    "version: 1\ndivergence: stop\npermissions: { promote: admin }\nenvironments: { staging: {}, prod: {} }\npools: { default: { concurrency: 2, on: [push] } }\nfair_share: { weights: { digits: 2 } }\nledger: { branch: sluice/records }\n";
  const rules = await rulesOf(file, text);
  const none = await rulesOf({ path: "README.md", kind: "file" }, undefined);
  for (const proposed of [none, await rulesOf({ path: "sluice.yaml/a", kind: "file" }, undefined)])
    expect(lostSettings(rules, proposed)).toContain(
      "what it says of `environments` (`staging`, `prod`), `permissions`, `pools`, `fair_share`, `divergence`, `ledger`. Restore",
    );
  expect(lostSettings(rules, await rulesOf(file, "version: 1"))).toBeNull();
  expect(lostSettings(rules, null)).toBeNull();
  expect(lostSettings(none, none)).toBeNull();
});

test("settings that cannot be read are taken away with a word too, and only by the change that leaves none", async () => {
  const file = { path: "sluice.yaml", kind: "file" } as const;
  const broken = await rulesOf(file, "version: [\n");
  const none = await rulesOf({ path: "README.md", kind: "file" }, undefined);
  expect(lostSettings(broken, none)).toContain("cannot be read, and this change takes it away");
  for (const proposed of [broken, await rulesOf(file, "version: 1"), null])
    expect(lostSettings(broken, proposed)).toBeNull();
});

import { expect, test } from "vitest";

import { rulesReader } from "../../src/main/serve/rules-at.ts";
import type { TreeEntry } from "../../src/git/git.ts";
import { parseOperator } from "../../src/pipeline/parse-operator.ts";
import { sha } from "../manifest/run-records.ts";

const operator = parseOperator(null).value;

/** Why the rules of a commit with this one entry cannot be read. */
async function unreadable(entry: Pick<TreeEntry, "path" | "kind">, text: string | undefined): Promise<unknown> {
  const commits = {
    tree: async () => [entry as TreeEntry],
    file: async () => (text === undefined ? undefined : new TextEncoder().encode(text)),
  };
  if (operator === null) throw new Error("no operator");
  const rules = await rulesReader(commits, { operator, repository: "acme/digits" })(sha("a"));
  return rules.unreadable?.map(({ code }) => code);
}

test("what stands in the place of the settings and is no file makes the rules unreadable", async () => {
  expect(await unreadable({ path: "sluice.yaml", kind: "file" }, "version: 1")).toBeUndefined();
  expect(await unreadable({ path: "README.md", kind: "file" }, undefined)).toBeUndefined();
  expect(await unreadable({ path: "sluice.yaml/a", kind: "file" }, undefined)).toEqual(["not-a-file"]);
  expect(await unreadable({ path: "sluice.yaml", kind: "submodule" }, undefined)).toEqual(["not-a-file"]);
  expect(await unreadable({ path: "sluice.yaml", kind: "link" }, "version: 1")).toEqual(["linked-file"]);
});

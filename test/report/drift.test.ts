import { expect, test } from "vitest";

import { offlineIssue, reproductionIssue } from "../../src/report/drift.ts";

const REFUSED = [{ ref: "refs/sluice/a", why: "it is signed by a key that is not ours" }];

test("a reproduction that does not count says that who signed keyless is listed under sigstore", () => {
  const { body } = reproductionIssue(REFUSED);
  expect(body).toContain("list its public half under `signing_keys` (or who signed keyless under `sigstore`) in");
});

test("a rollback that does not count says nothing of sigstore: events are taken from keys alone", () => {
  const { body } = offlineIssue(REFUSED);
  expect(body).toContain("list its public half under `signing_keys` in the operator's file");
  expect(body).not.toContain("sigstore");
});

import { expect, test } from "vitest";

import { listing } from "../../src/manifest/bundle.ts";
import { ISSUER, WORKFLOW } from "../signer/sigstore-here.ts";

test("a star in a listed subject ends where a part of it ends", () => {
  const listed = [{ issuer: ISSUER, subject: "https://github.com/acme/digits/.github/workflows/*@refs/heads/main" }];
  const isListed = listing(listed);
  const by = (subject: string): boolean => isListed({ issuer: ISSUER, subject });

  expect(by(WORKFLOW)).toBe(true);
  expect(by(WORKFLOW.replace("main", "mine"))).toBe(false);
  expect(by("https://github.com/acme/digits/.github/workflows/x.yml@refs/heads/x@refs/heads/main")).toBe(false);
  expect(by(WORKFLOW.replace("github.com", "githubxcom"))).toBe(false);
  expect(by(`${WORKFLOW}\n`)).toBe(false);
});

test.each([...String.raw`\^$.+?()[]{}|/-`])("a %s in a listed subject is itself and stands in nobody's way", (mark) => {
  const subject = `https://github.com/acme/my${mark}digits/*.yml@refs/heads/a${mark}b`;
  const isListed = listing([
    { issuer: ISSUER, subject },
    { issuer: ISSUER, subject: WORKFLOW },
  ]);

  expect(isListed({ issuer: ISSUER, subject: subject.replace("*", `x${mark === "/" ? "" : mark}`) })).toBe(true);
  expect(isListed({ issuer: ISSUER, subject: subject.replace(mark, "x") })).toBe(false);
  expect(isListed({ issuer: ISSUER, subject: WORKFLOW })).toBe(true);
});

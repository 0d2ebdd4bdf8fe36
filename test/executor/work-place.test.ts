import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { processSpace } from "../../src/executor/process-space.ts";
import { makeWorkPlace, removeAbandoned } from "../../src/executor/work-place.ts";

const DAY = 86_400_000;
/** The largest number that a process can have is 4,194,304. */
const NOBODY = 4_194_305;

function shared(): { readonly directory: string; readonly left: (name: string) => string } {
  const directory = mkdtempSync(join(tmpdir(), "sluice-places-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const left = (name: string): string => {
    mkdirSync(join(directory, name, "workspace"), { recursive: true });
    return join(directory, name);
  };
  return { directory, left };
}

test("what processes of this machine have left goes, what they have stays", async () => {
  const { directory, left } = shared();
  const mine = makeWorkPlace(directory, "slot");
  const dead = ["slot", "stranger", "container", "dataset"].map((kind) =>
    left(`${kind}-${processSpace()}-${NOBODY}-abCD12`),
  );

  await removeAbandoned(directory, Date.now());

  expect(dead.filter((place) => existsSync(place))).toEqual([]);
  expect(existsSync(mine)).toBe(true);
});

test("what a process of another machine has stays, whatever its number says here, until nothing came from it for a week", async () => {
  const { directory, left } = shared();
  const place = left(`slot-elsewhere-4026531836-${NOBODY}-abCD12`);

  await removeAbandoned(directory, Date.now());
  expect(existsSync(place)).toBe(true);

  const then = (Date.now() - 8 * DAY) / 1000;
  utimesSync(place, then, then);
  await removeAbandoned(directory, Date.now());
  expect(existsSync(place)).toBe(false);
});

test("what has another name is nobody's to remove", async () => {
  const { directory, left } = shared();
  const places = [left("slot-1-2"), left("mine"), left(`slot-${processSpace()}-${NOBODY}`)];
  writeFileSync(join(directory, "file"), "");

  await removeAbandoned(directory, Date.now());
  await removeAbandoned(join(directory, "nowhere"), Date.now());

  expect(places.filter((place) => !existsSync(place))).toEqual([]);
});

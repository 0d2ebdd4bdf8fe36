import {
  appendFileSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  type BigIntStats,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { expect, onTestFinished, test } from "vitest";

import { digestOf, type BlobId } from "../../src/identity/identity.ts";
import { statIndex } from "../../src/store/stat-index.ts";

function place(): { readonly root: string; readonly index: string; readonly file: string } {
  const root = mkdtempSync(join(tmpdir(), "sluice-stat-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return { root, index: join(root, "stat.txt"), file: join(root, "file") };
}

/** Until a file is old enough to be trusted by its stat. */
function age(file: string): void {
  const { ctimeMs } = lstatSync(file);
  while (Date.now() - ctimeMs < 40);
}

/** A clock of 10 ms, as kernels without fine time stamps have. */
const coarse = (path: string): BigIntStats | undefined => {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const floor = (time: bigint): bigint => time - (time % 10_000_000n);
  return stat && Object.assign(stat, { mtimeNs: floor(stat.mtimeNs), ctimeNs: floor(stat.ctimeNs) });
};

test.each(["read", "written by us"])("a change within the tick of the clock is seen: %s before", (how) => {
  const { root, index, file } = place();
  let unnoticeable = 0;
  for (let round = 0; round < 20; round++) {
    const digests = statIndex(index, root, coarse);
    const told = (): unknown[] => {
      const stat = coarse(file);
      return [stat?.size, stat?.mtimeNs, stat?.ctimeNs, stat?.ino];
    };
    writeFileSync(file, `old ${round}`);
    if (how === "read") digests.digest(file);
    else digests.remember(file, digestOf(`old ${round}`));
    const before = told();
    writeFileSync(file, `new ${round}`);
    if (isDeepStrictEqual(before, told())) unnoticeable++;
    age(file);
    digests.save();

    expect(digests.digest(file)?.digest).toBe(digestOf(`new ${round}`));
    expect(statIndex(index, root, coarse).digest(file)?.digest).toBe(digestOf(`new ${round}`));
  }
  expect(unnoticeable).toBeGreaterThan(0);
});

test("a file whose stat has not changed is not read again", () => {
  const { root, index, file } = place();
  writeFileSync(file, "bytes");
  age(file);
  const first = statIndex(index, root);
  first.digest(file);
  first.save();
  const lines = readFileSync(index, "utf8").replace(digestOf("bytes"), digestOf("believed"));
  writeFileSync(index, lines);

  expect(statIndex(index, root).digest(file)?.digest).toBe(digestOf("believed"));
  utimesSync(file, 1, 1);
  expect(statIndex(index, root).digest(file)?.digest).toBe(digestOf("bytes"));
});

test("a torn tail is ignored, what stands before it is known, and the file is written anew", () => {
  const { root, index, file } = place();
  writeFileSync(file, "bytes");
  age(file);
  const blob = "0123456789012345678901234567890123456789" as BlobId;
  const first = statIndex(index, root);
  first.digest(file);
  first.rememberBlob(blob, digestOf("b"), 1);
  first.save();
  const whole = lstatSync(index).size;
  for (const cut of [whole - 1, whole - 30]) {
    truncateSync(index, cut);
    const torn = statIndex(index, root);
    expect(torn.digest(file)?.digest).toBe(digestOf("bytes"));
    torn.rememberBlob(blob, digestOf("b"), 1);
    torn.save();
    expect(statIndex(index, root).blob(blob)).toEqual({ digest: digestOf("b"), size: 1 });
  }
  appendFileSync(index, "garbage\nf\t1.2\tnone\n");
  expect(statIndex(index, root).digest(file)?.digest).toBe(digestOf("bytes"));
  writeFileSync(index, "sluice-stat 9\n");
  expect(statIndex(index, root).digest(file)?.digest).toBe(digestOf("bytes"));
});

test("nothing and a directory have no digest", () => {
  const { root, index } = place();

  expect(statIndex(index, root).digest(join(root, "nothing"))).toBeUndefined();
  expect(statIndex(index, root).digest(root)).toBeUndefined();
});

import { expect, test } from "vitest";

import { parseCommitSha, type CommitSha } from "../../src/identity/identity.ts";
import { forgetRefs, takeRefs, type RefTaking, type UnreadRefs } from "../../src/main/release/taken-refs.ts";
import { ok, refused } from "../../src/result/result.ts";

function sha(text: string): CommitSha {
  const found = parseCommitSha(text);
  if (found === undefined) throw new Error("no commit");
  return found;
}

function commit(digit: string): CommitSha {
  return sha(digit.repeat(40));
}

/** Commits of 0 cannot be read, those of 1 do not count, those of 2 cannot be taken now, nobody can say of those of 3. */
function taking(): { readonly reads: string[]; readonly how: RefTaking<string> } {
  const reads: string[] = [];
  return {
    reads,
    how: {
      prefix: "refs/left/",
      async read(sha) {
        reads.push(sha.slice(0, 1));
        return sha.startsWith("0") ? refused("it is torn") : ok(sha.slice(0, 1));
      },
      async take(_ref, read) {
        if (read === "3") return undefined;
        return read === "1" ? refused("it is too late") : ok(read !== "2");
      },
    },
  };
}

const refs = (digits: string): readonly (readonly [string, CommitSha])[] =>
  [...digits].map((digit) => [`refs/left/${digit}`, commit(digit)]);

test("what cannot be read is told each time and read once, what does not count is looked at anew", async () => {
  const unread: UnreadRefs = new Map();
  const { reads, how } = taking();
  const told = [
    { ref: "refs/left/0", why: "it is torn" },
    { ref: "refs/left/1", why: "it is too late" },
  ];
  const taken = [{ ref: "refs/left/4", commit: commit("4") }];
  expect(await takeRefs({ unread }, refs("0124"), how)).toEqual({ told, taken });
  expect(await takeRefs({ unread }, refs("0124"), how)).toEqual({ told, taken });
  expect(reads.join("")).toBe("0124124");
});

test("where nobody can say what is under way, nothing is decided on any of them", async () => {
  const { reads, how } = taking();
  expect(await takeRefs({ unread: new Map() }, refs("434"), how)).toBeUndefined();
  expect(reads).toEqual(["4", "3"]);
});

test("of very many refs each look reads some, and none of them keeps the last one from its turn", async () => {
  const unread: UnreadRefs = new Map();
  const { reads, how } = taking();
  const many = Array.from({ length: 150 }, (_, nth): readonly [string, CommitSha] => [
    `refs/left/${nth}`,
    sha(`1${nth.toString(16).padStart(39, "0")}`),
  ]);
  const all = [...many, ["refs/left/last", commit("4")] as const];
  const first = await takeRefs({ unread }, all, how);
  expect([first?.told.length, first?.taken, reads.length]).toEqual([100, [], 100]);
  const second = await takeRefs({ unread }, all, how);
  expect([second?.taken.map(({ ref }) => ref), reads.length]).toEqual([["refs/left/last"], 200]);
});

test("of very many that do not count all are told, in the same words each time, until one counts", async () => {
  const unread: UnreadRefs = new Map();
  let counts = -1;
  const many = Array.from({ length: 260 }, (_, nth): readonly [string, CommitSha] => [
    `refs/left/${String(nth).padStart(3, "0")}`,
    sha(nth.toString(16).padStart(40, "0")),
  ]);
  const look = async (refs = many) => {
    const done = await takeRefs({ unread }, refs, {
      prefix: "refs/left/",
      read: async (commit) => ok(Number.parseInt(commit, 16)),
      take: async (_, nth) => (nth === counts ? ok(true) : refused(`${nth} is too late`)),
    });
    return done?.told.map(({ why }) => Number.parseInt(why, 10)) ?? [];
  };
  const every = many.map((_, nth) => nth);
  const lengths = [(await look()).length, (await look()).length];
  expect(lengths).toEqual([100, 200]);
  for (let n = 0; n < 5; n++) expect(await look()).toEqual(every);

  counts = 7;
  const left = every.filter((nth) => nth !== 7);
  for (let n = 0; n < 3; n++) await look();
  expect(await look()).toEqual(left);
  // Gone, or moved to what was not looked at yet, it is not told any more.
  const moved = many
    .slice(0, 259)
    .map(([ref], nth) => [ref, sha((nth + 1_000).toString(16).padStart(40, "0"))] as const);
  expect((await look(moved)).every((nth) => nth >= 1_000)).toBe(true);
});

test("a ref goes from the remote first, and stays here where it does not", async () => {
  const gone: string[] = [];
  const all = ["refs/sluice/offline/a", "refs/sluice/offline/kept", "refs/sluice/offline-here/b"];
  await forgetRefs(
    {
      async publish([update]) {
        if (update === undefined || update.ref.endsWith("kept")) return { kind: "unreachable", why: "it is away" };
        gone.push(`remote ${update.ref}`);
        return { kind: "published" };
      },
      drop: async (ref) => void gone.push(`here ${ref}`),
    },
    all.map((ref) => ({ ref, commit: commit("4") })),
  );
  expect(gone).toEqual([`remote ${all[0]}`, `here ${all[0]}`, `here ${all[2]}`]);
});

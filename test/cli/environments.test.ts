import { expect, test } from "vitest";

import { event, released } from "./released.ts";

const HOUR = 3_600_000;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
const bob = { id: 8, login: "bob" };

test("status shows what is live, soaks, is held and asked for, and what is missing", async () => {
  const { bench, digits, words, record } = await released();
  const since = ago(HOUR / 2);
  await record(
    event("released", "merge:1", { run: digits[0], at: ago(5 * HOUR) }),
    event("released", "merge:2", { environment: "staging", run: digits[1], at: since }),
    event("released", "merge:3", { pipeline: "words", run: words[1], at: ago(4 * HOUR) }),
    event("rolled-back", "comment:4", { pipeline: "words", run: words[0], at: ago(3 * HOUR), by: bob }),
    event("requested", "label:5", { run: digits[1], at: ago(HOUR / 4), pullRequest: 14 }),
    event("held", "comment:6", { environment: "staging", pipeline: null, by: bob, reason: "holidays\u001b[31m" }),
  );
  const soaked = new Date(Date.parse(since) + HOUR).toISOString();

  const { code, stdout } = await bench.sluice("status");
  expect(code).toBe(0);
  const [, shown = ""] = stdout.trimEnd().split("\n\n");
  const minute = (time: string): string => time.slice(0, 16).replace("T", " ");
  expect(shown.split("\n").map((line) => line.trimEnd())).toEqual([
    expect.stringMatching(/^Environments as of .*; the newest: git fetch origin sluice\/ledger$/),
    expect.stringMatching(/^ {2}dev +nothing is live$/),
    expect.stringMatching(
      new RegExp(
        `^ {2}staging +digits +${digits[1].slice(0, 4)} live since ${minute(since)}, for 30 min.*, released by ada; soaks for prod until ${minute(soaked)}$`,
      ),
    ),
    expect.stringMatching(/^ {6}held by bob since .*: holidays.*; next: sluice unfreeze staging <reason>$/),
    expect.stringMatching(new RegExp(`^ {2}prod +digits +${digits[0].slice(0, 4)} live since .*, for 5 h`)),
    expect.stringMatching(new RegExp(`^ {6}${digits[1].slice(0, 4)} asked for by ada .* in #14$`)),
    expect.stringMatching(/^ {8}it has to be live in staging until .*; next: it goes on by itself then$/),
    expect.stringMatching(/^ {8}waiting for 1 approval from people who may write; next: .* sluice approve prod$/),
    expect.stringMatching(new RegExp(`^ +words +${words[0].slice(0, 4)} live since .*, rolled back by bob$`)),
    expect.stringMatching(/^ {6}held by bob since .*: rolled back; next: sluice unhold prod\/words$/),
  ]);
  expect(stdout).not.toContain("\u001b");

  await record(event("approved", "label:7", { run: digits[1], by: bob }));
  const { environments } = JSON.parse((await bench.sluice("status", "--json")).stdout) as {
    environments: { environment: string; pipelines: { pipeline: string; request: { missing: number } | null }[] }[];
  };
  expect(environments.map(({ environment }) => environment)).toEqual(["dev", "staging", "prod"]);
  expect(environments[2]?.pipelines[0]?.request).toMatchObject({
    run: digits[1],
    approvedBy: [bob],
    missing: 0,
    waits: [{ kind: "soak", until: Date.parse(soaked) }],
  });
}, 120_000);

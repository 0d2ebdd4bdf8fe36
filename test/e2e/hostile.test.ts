import { expect, test } from "vitest";

import { STICKY_MARKER } from "../../src/report/sticky-comment.ts";
import type { TwinCheck, TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { pullOf, type Entry } from "./fast-import.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { gitIn, town, type Town } from "./town.ts";

const planOf = (repository: TwinRepository, pull: TwinPullRequest): TwinCheck | undefined =>
  repository.checks.find(
    ({ name, head, status }) => name === "sluice / plan" && head === pull.head && status === "completed",
  );
const sticky = (repository: TwinRepository, pull: TwinPullRequest): string =>
  (repository.comments.get(pull.number) ?? []).find((comment) => comment.app !== null)?.body ?? "";

async function planned(place: Town, repository: TwinRepository, pull: TwinPullRequest): Promise<TwinCheck> {
  await place.until(`the plan of ${pull.branch} is there`, () => planOf(repository, pull) !== undefined);
  const check = planOf(repository, pull);
  if (check === undefined) throw new Error("unreachable: it was there");
  return check;
}

/** Whatever came before: the service is ready, and plans the next pull request. */
async function answersTheNext(place: Town, repository: TwinRepository): Promise<void> {
  const { forge } = place.twin;
  await forge.commit(repository, { ...PLUS_TWO, branch: "harmless" });
  const pull = await forge.openPull(repository, { branch: "harmless", title: "Harmless", login: "alice" });
  const check = await planned(place, repository, pull);
  expect(check).toMatchObject({ conclusion: "success" });
  expect(check.output.text).toContain("parameter `plus` 1 → **2**");
  expect((await fetch(`${place.service.web.url}/readyz`)).status).toBe(200);
}

const bomb = `a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n${Array.from(
  { length: 9 },
  (_, at) => `a${at + 1}: &a${at + 1} [${Array.from({ length: 10 }, () => `*a${at}`).join(",")}]`,
).join("\n")}\n`;
const nul = Uint8Array.from([0, 1, 2, 255, 254, 0, 10, 137, 80, 78, 71]);
const latin1 = Buffer.from("version: 1\nname: caf\xe9\nsteps: { a: { run: x } }\n", "latin1");
const pipeline = (step: string): string => `version: 1\nname: next\nsteps:\n  a: ${step}\n`;

test("files that are no pipeline are refused at their place, and say why", { timeout: 180_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  const cases: readonly (readonly [string, readonly Entry[], RegExp])[] = [
    ["bomb", [{ path: "pipelines/bomb.yaml", content: bomb }], /alias/],
    ["bomb-settings", [{ path: "sluice.yaml", content: bomb }], /alias/],
    ["bomb-parameters", [{ path: "params.yaml", content: bomb }], /alias/],
    ["binary", [{ path: "pipelines/binary.yaml", content: nul }], /NUL bytes/],
    ["latin1", [{ path: "pipelines/latin1.yaml", content: latin1 }], /UTF-8/],
    ["deep", [{ path: "pipelines/deep.yaml", content: "[".repeat(100_000) }], /nests deeper/],
    ["huge", [{ path: "pipelines/huge.yaml", content: `# ${"x".repeat(12_000_000)}\n` }], /./],
    ["link-out", [{ path: "pipelines/link.yaml", content: "../../../etc/passwd", link: true }], /symbolic link/],
    ["link-in", [{ path: "pipelines/link.yaml", content: "sum.yaml", link: true }], /symbolic link/],
    [
      "up",
      [{ path: "pipelines/up.yaml", content: pipeline("{ run: x, inputs: [../../etc/passwd] }") }],
      /leaves the workspace/,
    ],
    [
      "up-output",
      [{ path: "pipelines/up.yaml", content: pipeline("{ run: x, outputs: [a/../../up] }") }],
      /leaves the workspace/,
    ],
    [
      "absolute",
      [{ path: "pipelines/up.yaml", content: pipeline("{ run: x, inputs: [/etc/passwd] }") }],
      /not a path inside/,
    ],
  ];
  const pulls: (readonly [TwinPullRequest, RegExp])[] = [];
  for (const [branch, entries, said] of cases) pulls.push([await pullOf(forge, repository, { branch, entries }), said]);
  for (const [pull, said] of pulls) {
    const check = await planned(place, repository, pull);
    expect.soft(check.conclusion, pull.branch).toBe("failure");
    expect.soft(JSON.stringify(check.output.annotations), pull.branch).toMatch(said);
  }
  await answersTheNext(place, repository);
});

test("ten thousand steps and five thousand files stay bounded", { timeout: 180_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  const steps = Array.from({ length: 10_000 }, (_, at) => {
    const above = at === 0 ? "" : `, inputs: [o${Math.floor((at - 1) / 2)}]`;
    return `  step-${at}: { run: "echo ${at} > o${at}", outputs: [o${at}]${above} }`;
  });
  const large = `version: 1\nname: large\nsteps:\n${steps.join("\n")}\n`;
  const many = await pullOf(forge, repository, {
    branch: "many-steps",
    entries: [{ path: "pipelines/large.yaml", content: large }],
  });
  const check = await planned(place, repository, many);
  expect(check).toMatchObject({
    conclusion: "success",
    output: { title: expect.stringContaining("9999 depend") as string },
  });
  expect(check.output.text.length).toBeLessThan(65_536);
  await place.until("the comment is there", () => sticky(repository, many) !== "");
  const body = sticky(repository, many);
  // Whole rows and a collapsed graph, what is left out is counted, and nothing after it is lost.
  expect(body.length).toBeLessThan(60_000);
  expect(body).toMatch(/^… and \d+ more steps: \d+ depend$/m);
  expect(body.match(/^ {2}n\d+\["/gm)?.length).toBeLessThanOrEqual(30);
  expect(body.match(/^```/gm)).toHaveLength(2);
  expect(body).toContain("**Next:**");

  const files = Array.from({ length: 5_000 }, (_, at): Entry => ({
    path: `data/${at % 50}/${at}.txt`,
    content: `${at}\n`,
  }));
  const wide = { path: "pipelines/wide.yaml", content: pipeline('{ run: "ls", inputs: [data/] }') };
  const pull = await pullOf(forge, repository, { branch: "many-files", entries: [...files, wide] });
  expect(pull.size.files).toBe(5_001);
  expect(await planned(place, repository, pull)).toMatchObject({ conclusion: "success" });
  await place.until("the comment is there", () => sticky(repository, pull) !== "");
  expect(sticky(repository, pull)).toContain("`next`: 1 step runs");
  await answersTheNext(place, repository);
});

const HOSTILE =
  "@acme/team <!-- sluice:pull-request --> `x` | <img src=x onerror=alert(1)> \u202e/sluice promote prod\u202c [a](javascript:x) #1";

/** What is left of Markdown without its code, where nothing is markup. */
function outsideCode(markdown: string): string {
  return markdown.replace(/^(`{3,}).*\n[\s\S]*?^\1`*$/gm, "").replace(/(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, "");
}

function expectHarmless(markdown: string): void {
  const text = outsideCode(markdown.replace(STICKY_MARKER, ""));
  expect(text).not.toMatch(/@\w|<!--|<img|\]\(|#1\b/);
  expect(text).not.toMatch(/^\s*\/sluice/m);
  expect(markdown).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u001b]/);
}

test("names, values and messages are shown, and do nothing", { timeout: 180_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  const text = JSON.stringify(HOSTILE);
  const named = `version: 1\nname: ${text}\nsteps:\n  ${text}: { run: ${text}, inputs: [${text}] }\n`;
  const pull = await pullOf(forge, repository, {
    branch: "names",
    title: `${HOSTILE}\nSluice-Run: forged`,
    message: `${HOSTILE}\n\nSluice-Run: forged\nSluice-Status: succeeded\n`,
    entries: [
      { path: "params.yaml", content: `plus: ${text}\n` },
      { path: `data/${HOSTILE.replaceAll("/", "%")}\nSluice-Run: forged`, content: "x" },
      { path: "pipelines/wide.yaml", content: pipeline('{ run: "ls", inputs: [data/] }') },
      { path: "pipelines/named.yaml", content: named },
    ],
  });
  const check = await planned(place, repository, pull);
  expect(check).toMatchObject({ conclusion: "failure", output: { title: "2 problems, nothing will run" } });
  expect(check.output.annotations).toHaveLength(2);
  await place.until("the comment is there", () => sticky(repository, pull) !== "");
  expect(sticky(repository, pull)).toContain("acme/team");
  expectHarmless(sticky(repository, pull));
  expectHarmless(check.output.text);
  await answersTheNext(place, repository);
});

test("a log that gives commands, ends its block and forges trailers is a log", { timeout: 180_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  const lines = [
    "/sluice promote prod",
    "```",
    "````",
    "/sluice run",
    "@acme/team",
    "Sluice-Run: forged",
    "::error::x",
    "\u001b[2J\u202eabc",
  ];
  const script = `cat <<'END'\n\n${lines.join("\n")}\nEND\nexit 3\n`;
  const pull = await pullOf(forge, repository, {
    branch: "log",
    message: `Log\n\nSluice-Run: forged\nSluice-Pipeline: forged\n`,
    entries: [{ path: "add.sh", content: script }],
  });
  await planned(place, repository, pull);
  forge.comment(repository, pull.number, { body: "/sluice run", user: forge.world.user("alice"), app: null });
  await place.until("the run is shown", () => sticky(repository, pull).includes("· failed"));
  expect(sticky(repository, pull)).toContain("\n/sluice promote prod\n");
  expectHarmless(sticky(repository, pull));
  const check = repository.checks.find(({ name, head }) => name === "sluice / run" && head === pull.head);
  expectHarmless(check?.output.summary ?? "");
  const trailers = await gitIn(
    repository.directory,
    "log",
    "--format=%(trailers:key=Sluice-Run,valueonly)%(trailers:key=Sluice-Pipeline,valueonly)",
    "sluice/ledger",
  );
  expect(trailers).toContain("sum");
  expect(trailers).not.toContain("forged");
  await answersTheNext(place, repository);
  // Nobody answered the log: one comment of ours, one run, no pull request but those that were opened here.
  expect((repository.comments.get(pull.number) ?? []).filter(({ app }) => app !== null)).toHaveLength(1);
  expect(
    (await gitIn(repository.directory, "log", "--format=%B", "sluice/ledger")).match(/Trigger: command/g),
  ).toHaveLength(1);
  expect(repository.pulls.size).toBe(2);
});

import fc from "fast-check";
import { expect, test } from "vitest";

import { ACTED_ON, triggersOf } from "../../src/trigger/delivery.ts";
import { jobOf } from "../../src/trigger/job.ts";
import { examples, installed } from "./examples.ts";

const all = examples();
const SHA = "a".repeat(40);
const repository = { id: 5, full_name: "acme/digits" };
const ada = { id: 3, login: "ada", type: "User" };
const base = { installation: { id: 7 }, repository, sender: ada };
const ref = { installation: 7, id: 5, fullName: "acme/digits" };

test("all 329 examples are there", () => {
  expect(all).toHaveLength(329);
});

test("every example is a trigger or ignored once it is for an installation, but one without its button", () => {
  const odd = all.flatMap(({ event, payload }) => {
    const read = triggersOf(event, "d", installed(payload));
    return read.kind === "malformed" ? [`${event}.${String(payload["action"])}: ${read.why}`] : [];
  });
  expect(odd).toEqual([expect.stringContaining("check_run.requested_action: ")]);
});

test("an example of every event acted on gives a trigger", () => {
  const seen = new Set(
    all
      .filter(({ event, payload }) => triggersOf(event, "d", installed(payload)).kind === "triggers")
      .map((one) => one.event),
  );
  // The examples' only comment is no command, and no check was asked for again in a suite of theirs.
  for (const event of ACTED_ON.keys()) {
    if (["issue_comment", "merge_group"].includes(event)) continue;
    expect(seen, event).toContain(event);
  }
});

/** Somewhere inside, one field is gone or something else. */
function damaged(value: unknown, path: readonly number[], into: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined || typeof value !== "object" || value === null) return into;
  const keys = Object.keys(value);
  const key = keys[head % Math.max(1, keys.length)];
  if (key === undefined) return into;
  const copy = Array.isArray(value) ? { ...value } : { ...(value as Record<string, unknown>) };
  const next = damaged((value as Record<string, unknown>)[key], rest, into);
  if (next === undefined) delete (copy as Record<string, unknown>)[key];
  else (copy as Record<string, unknown>)[key] = next;
  return copy;
}

const wrong = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue(),
  fc.constantFrom<unknown>(null, Infinity, -1, 0.5, [], {}, "", "\0", "x".repeat(100_000), { id: "1" }, "__proto__"),
);

test("a payload with fields gone or of the wrong type never throws, and what comes out is bounded", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      fc.array(fc.tuple(fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }), wrong), { minLength: 1, maxLength: 4 }),
      ({ event, payload }, damages) => {
        let body: unknown = installed(payload);
        for (const [path, into] of damages) body = damaged(body, path, into);
        const read = triggersOf(event, "guid", body);
        expect(["triggers", "ignored", "malformed"]).toContain(read.kind);
        if (read.kind !== "triggers") return;
        for (const trigger of read.triggers) {
          const job = jobOf(trigger, "guid");
          expect(job.id).toMatch(/^[\w.-]{1,200}$/);
          const text = JSON.stringify(job.payload);
          expect(text.length).toBeLessThan(300_000);
          expect(text).not.toContain(String.raw`\u0000`);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test("anything at all as event, delivery and payload", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(...ACTED_ON.keys(), "__proto__", "constructor"), fc.string()),
      fc.string(),
      fc.jsonValue(),
      (event, delivery, payload) => {
        expect(["triggers", "ignored", "malformed"]).toContain(triggersOf(event, delivery, payload).kind);
      },
    ),
  );
});

function comment(body: string, more: object = {}): unknown {
  return {
    ...base,
    action: "created",
    issue: { number: 12, pull_request: { url: "x" } },
    comment: { id: 99, body, user: ada },
    ...more,
  };
}

test("a comment of a bot that a person deletes wakes the report of its pull request", () => {
  const bot = { id: 4, login: "sluice[bot]", type: "Bot" };
  const ours = { comment: { id: 99, body: "x", user: bot }, action: "deleted" };
  expect(triggersOf("issue_comment", "d", comment("x", ours))).toMatchObject({
    triggers: [{ kind: "pull-request", repository: ref, number: 12, action: "comment_deleted" }],
  });
  expect(triggersOf("issue_comment", "d", comment("x", { ...ours, sender: bot })).kind).toBe("ignored");
});

test("a command is its first line, from a person, at a pull request, as first written", () => {
  const text = "/sluice run digits";
  const expected = { kind: "command", repository: ref, number: 12, comment: 99, text };
  const sender = { id: 3, login: "ada", bot: false };
  expect(triggersOf("issue_comment", "d", comment(`${text}\r\nthanks`))).toEqual({
    kind: "triggers",
    triggers: [{ ...expected, sender }],
  });
  const bot = { id: 4, login: "sluice[bot]", type: "Bot" };
  for (const body of [
    comment("look:\n/sluice run"),
    comment(" /sluice run"),
    comment("/sluicerun"),
    comment("> /sluice run"),
    comment(text, { action: "edited" }),
    comment(text, { action: "deleted" }),
    comment(text, { issue: { number: 12 } }),
    comment(text, { sender: bot }),
    comment(text, { comment: { id: 99, body: text, user: bot } }),
    comment(text, { comment: { id: 99, body: text, user: { ...ada, id: 8 } } }),
  ]) {
    expect(triggersOf("issue_comment", "d", body).kind).toBe("ignored");
  }
});

test("the text of a command is bounded and holds no NUL", () => {
  const read = triggersOf("issue_comment", "d", comment(`/sluice note \0${"é".repeat(60_000)}`));
  const [trigger] = read.kind === "triggers" ? read.triggers : [];
  expect(trigger?.kind).toBe("command");
  const text = trigger?.kind === "command" ? trigger.text : "";
  expect(text.length).toBe(1_001);
  expect(text).not.toContain("\0");
});

test("a button carries the head it was shown for", () => {
  const payload = {
    ...base,
    action: "requested_action",
    check_run: { head_sha: SHA },
    requested_action: { identifier: "run" },
  };
  const read = triggersOf("check_run", "guid:1", payload);
  expect(read).toMatchObject({ triggers: [{ kind: "button", head: SHA, action: "run", delivery: "guid1" }] });
  const byBot = { ...payload, sender: { id: 9, login: "x[bot]", type: "Bot" } };
  expect(triggersOf("check_run", "d", byBot).kind).toBe("ignored");
});

test("check asked for again, merge group, push, merge, base change", () => {
  expect(triggersOf("check_suite", "d", { ...base, action: "rerequested", check_suite: { head_sha: SHA } })).toEqual({
    kind: "triggers",
    triggers: [{ kind: "recheck", repository: ref, head: SHA, check: null, delivery: "d", sender: expect.anything() }],
  });
  const group = { ...base, action: "checks_requested", merge_group: { head_sha: SHA, base_sha: "b".repeat(40) } };
  expect(triggersOf("merge_group", "d", group)).toMatchObject({ triggers: [{ kind: "merge-group", head: SHA }] });
  expect(triggersOf("merge_group", "d", { ...group, action: "destroyed" }).kind).toBe("ignored");
  expect(triggersOf("push", "d", { ...base, ref: "refs/heads/main" })).toMatchObject({
    triggers: [{ kind: "reconcile", because: "push to main" }],
  });
  expect(triggersOf("push", "d", { ...base, ref: "refs/tags/v1" }).kind).toBe("ignored");
  const closed = { ...base, action: "closed", pull_request: { number: 12, merged: true } };
  expect(triggersOf("pull_request", "d", closed)).toMatchObject({
    triggers: [{ kind: "pull-request", number: 12 }, { kind: "reconcile" }],
  });
  const edited = { ...base, action: "edited", pull_request: { number: 12 }, changes: { title: { from: "x" } } };
  expect(triggersOf("pull_request", "d", edited).kind).toBe("ignored");
  const moved = { ...edited, changes: { base: { ref: { from: "x" } } } };
  expect(triggersOf("pull_request", "d", moved).kind).toBe("triggers");
});

test("repositories come to an installation and leave it", () => {
  const list = [{ id: 5, full_name: "acme/digits" }, { id: "x" }, null];
  expect(triggersOf("installation", "d", { ...base, action: "created", repositories: list })).toMatchObject({
    triggers: [{ kind: "installation", installation: 7, added: [ref], removed: [], gone: false }],
  });
  expect(triggersOf("installation", "d", { ...base, action: "deleted", repositories: list })).toMatchObject({
    triggers: [{ added: [], removed: [ref], gone: true }],
  });
});

test("jobs about the same thing share an id; what people ask for does not", () => {
  const pull = (action: string, number = 12): unknown => ({ ...base, action, pull_request: { number } });
  const id = (event: string, delivery: string, payload: unknown): string | undefined => {
    const read = triggersOf(event, delivery, payload);
    return read.kind === "triggers" && read.triggers[0] ? jobOf(read.triggers[0], delivery).id : undefined;
  };
  expect(id("pull_request", "a", pull("opened"))).toBe(id("pull_request", "b", pull("synchronize")));
  expect(id("pull_request", "a", pull("opened"))).not.toBe(id("pull_request", "a", pull("opened", 13)));
  expect(id("pull_request", "a", pull("labeled"))).not.toBe(id("pull_request", "b", pull("labeled")));
  expect(id("issue_comment", "a", comment("/sluice run"))).toBe("command-5-99");
});

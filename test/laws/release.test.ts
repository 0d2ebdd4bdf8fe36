import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf, type Digest, type RunId } from "../../src/identity/identity.ts";
import { decidePromotion, rollbackTarget, type Question } from "../../src/release/decide.ts";
import { dueDeployment, healthOf } from "../../src/release/deployment.ts";
import { foldEvents, NOTHING, standingOf, type Standing } from "../../src/release/environment-state.ts";
import type { DeployEnd, EventKind, ReleaseEvent } from "../../src/release/release-event.ts";
import { runId } from "../manifest/run-records.ts";

const HOUR = 3_600_000;
const RUNS: readonly RunId[] = ["a", "b", "c"].map(runId);
const PEOPLE = [
  { id: 1, login: "author", bot: false },
  { id: 2, login: "robot", bot: true },
  { id: 3, login: "ada", bot: false },
  { id: 4, login: "bob", bot: false },
  { id: 5, login: "eve", bot: false },
] as const;

const settings: Question["environment"] = {
  name: "prod",
  after: "staging",
  soakMs: 3 * HOUR,
  approvals: { count: 2, teams: ["ml"], users: [], author: false, expiresMs: 20 * HOUR },
  windows: [],
  freezes: [],
  deploy: null,
};

type Move =
  | { readonly kind: "request" | "rollback" | "upstream"; readonly run: number }
  | { readonly kind: "approve" | "withdraw" | "join" | "leave"; readonly person: number }
  | { readonly kind: "gate"; readonly holds: boolean }
  | { readonly kind: "change" | "hold" | "unhold" | "freeze" | "unfreeze" | "act" | "double" | "cure" }
  | { readonly kind: "wait"; readonly hours: number };

const person = fc.nat(PEOPLE.length - 1);
const run = fc.nat(RUNS.length - 1);
const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("request", "upstream"), run }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("rollback"), run }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("approve"), person }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("withdraw", "leave"), person }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("join"), person }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("gate"), holds: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("change", "hold", "freeze", "double") }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("unhold", "unfreeze") }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait"), hours: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cure") }) },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("act") }) },
  ),
  { minLength: 10, maxLength: 40, size: "max" },
);

/** A history as the ledger has it, and beside it what a careful person would have written down. */
class World {
  readonly events: ReleaseEvent[] = [];
  readonly team = new Set([3, 4, 5]);
  now = Date.parse("2026-01-01T00:00:00Z");
  gate = true;
  version = 0;
  // Kept apart from the code under test:
  requested: RunId | null = null;
  live: RunId | null = null;
  readonly lives: RunId[] = [];
  held = false;
  frozen = false;
  upstream: { run: RunId; at: number } | null = null;
  readonly said = new Map<number, { at: number; evidence: Digest; run: RunId }>();
  releases = 0;

  evidence(): Digest {
    return digestOf(`${this.requested} ${this.version} ${this.gate}`);
  }

  event(kind: EventKind, more: Partial<ReleaseEvent> = {}): ReleaseEvent {
    const event: ReleaseEvent = {
      kind,
      environment: "prod",
      pipeline: "digits",
      run: this.requested,
      evidence: null,
      by: { id: 9, login: "sluice" },
      cause: `c${this.events.length}`,
      at: new Date(this.now).toISOString(),
      reason: null,
      pullRequest: null,
      deployment: null,
      revokes: null,
      ...more,
    };
    this.events.push(event);
    return event;
  }

  question(): Question | undefined {
    const states = foldEvents(this.events);
    const standing = standingOf(states.get("prod"), "digits");
    if (standing.request === null) return undefined;
    return {
      environment: settings,
      state: states.get("prod"),
      standing,
      upstream: { standing: standingOf(states.get("staging"), "digits"), deploys: false },
      run: standing.request.run,
      evidence: this.evidence(),
      gates: [{ source: "g", outcome: this.gate ? "passed" : "failed", why: "" }],
      voters: standing.request.approvals.map((approval) => ({
        approval,
        allowed: this.team.has(approval.by.id ?? 0),
        bot: PEOPLE.some(({ id, bot }) => id === approval.by.id && bot),
      })),
      authors: [{ id: 1, login: "author" }],
      now: this.now,
    };
  }

  /** Who has agreed to exactly this, by the careful person's notes. */
  agreed(): number {
    return [...this.said].filter(
      ([id, { at, evidence, run: on }]) =>
        this.team.has(id) &&
        id !== 1 &&
        id !== 2 &&
        on === this.requested &&
        evidence === this.evidence() &&
        this.now < at + 20 * HOUR,
    ).length;
  }
}

function apply(world: World, move: Move): void {
  switch (move.kind) {
    case "request": {
      const wanted = RUNS[move.run] ?? null;
      // Another request is another matter: nobody has agreed to it.
      if (wanted !== world.requested) world.said.clear();
      world.requested = wanted;
      world.event("requested");
      return;
    }
    case "approve": {
      if (world.requested === null) return;
      const by = PEOPLE[move.person];
      if (by === undefined) return;
      world.event("approved", { by, evidence: world.evidence() });
      world.said.set(by.id, { at: world.now, evidence: world.evidence(), run: world.requested });
      return;
    }
    case "withdraw": {
      const by = PEOPLE[move.person];
      if (by === undefined || world.requested === null) return;
      world.event("revoked", { by, revokes: "approval" });
      world.said.delete(by.id);
      return;
    }
    case "join":
      world.team.add(PEOPLE[move.person]?.id ?? 0);
      return;
    case "leave":
      world.team.delete(PEOPLE[move.person]?.id ?? 0);
      return;
    case "gate":
      world.gate = move.holds;
      return;
    case "change":
      world.version++;
      return;
    case "hold":
      world.event("held", { reason: "why not" });
      world.held = true;
      return;
    case "unhold":
      world.event("unheld");
      world.held = false;
      return;
    case "freeze":
      world.event("held", { pipeline: null, reason: "holidays" });
      world.frozen = true;
      return;
    case "unfreeze":
      world.event("unheld", { pipeline: null });
      world.frozen = false;
      return;
    case "double":
      // A message that comes twice is one fact.
      if (world.events.length > 0) world.events.push(...world.events.slice(-1));
      return;
    case "upstream": {
      const wanted = RUNS[move.run];
      if (wanted === undefined) return;
      world.event("released", { environment: "staging", run: wanted });
      world.upstream = { run: wanted, at: world.now };
      return;
    }
    case "rollback":
      rollBack(world, RUNS[move.run] ?? null);
      return;
    case "wait":
      world.now += move.hours * HOUR;
      return;
    case "cure":
      cure(world);
      return;
    case "act":
      act(world);
      return;
  }
}

function rollBack(world: World, wanted: RunId | null): void {
  const standing = standingOf(foldEvents(world.events).get("prod"), "digits");
  const target = rollbackTarget(standing, wanted);
  const wasLive = world.lives.filter((one) => one !== world.live);
  // It is always reached, and nothing that never was live is.
  expect(target?.run).toBe(wanted !== null && wasLive.includes(wanted) ? wanted : undefined);
  if (target === undefined) return;
  world.event("rolled-back", { run: target.run, reason: "bad" });
  world.live = target.run;
  world.held = true;
  world.requested = null;
  world.said.clear();
  const after = standingOf(foldEvents(world.events).get("prod"), "digits");
  expect([after.live?.run, after.hold === null]).toEqual([target.run, false]);
}

/** What automation does; it may release only what the notes beside it allow. */
function act(world: World): void {
  const question = world.question();
  if (question === undefined) return;
  const decision = decidePromotion(question);
  for (const wait of decision.waits) expect(wait.out).not.toBe("");
  const soaked =
    world.upstream !== null && world.upstream.run === world.requested && world.now >= world.upstream.at + 3 * HOUR;
  const allowed = !world.held && !world.frozen && world.gate && soaked && world.agreed() >= 2;
  expect(decision.kind).toBe(allowed ? "release" : "wait");
  if (decision.kind !== "release") return;
  world.event("released", { run: question.run, evidence: question.evidence });
  world.live = question.run;
  if (!world.lives.includes(question.run)) world.lives.push(question.run);
  world.releases++;
  world.requested = null;
  world.said.clear();
}

/** Brings about whatever each wait asks for. */
function cure(world: World): void {
  for (const id of [3, 4]) world.team.add(id);
  apply(world, { kind: "unhold" });
  apply(world, { kind: "unfreeze" });
  world.gate = true;
  apply(world, { kind: "upstream", run: Math.max(0, RUNS.indexOf(world.requested ?? runId("a"))) });
  apply(world, { kind: "wait", hours: 3 });
  for (const at of [2, 3]) apply(world, { kind: "approve", person: at });
}

test("in 10,000 histories nothing is released without gates, soak and valid approvals, and every wait has a way out", () => {
  let released = 0;
  fc.assert(
    fc.property(moves, (history) => {
      const world = new World();
      for (const move of history) apply(world, move);
      const question = world.question();
      if (question !== undefined) {
        world.requested = question.run;
        cure(world);
        const again = world.question();
        expect(again === undefined ? "nothing" : decidePromotion(again).kind).toBe("release");
      }
      released += world.releases;
    }),
    { numRuns: 10_000 },
  );
  // The histories are no formality: releases do happen in them.
  expect(released).toBeGreaterThan(1_000);
}, 120_000);

test("events met twice, and any split of reading them, leave the same state", () => {
  fc.assert(
    fc.property(moves, (history) => {
      const world = new World();
      for (const move of history) apply(world, move);
      expect(foldEvents([...world.events, ...world.events])).toEqual(foldEvents(world.events));
    }),
    { numRuns: 300 },
  );
});

type Step =
  | { readonly kind: "release"; readonly pipeline: number; readonly run: number }
  | { readonly kind: "rollback" | "again"; readonly pipeline: number }
  | { readonly kind: "deploy"; readonly end: DeployEnd }
  | { readonly kind: "double" };

const PIPELINES = ["digits", "words"] as const;
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("release"), pipeline: fc.nat(1), run }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("rollback", "again"), pipeline: fc.nat(1) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("deploy"),
        end: fc.constantFrom("succeeded" as const, "failed" as const, "lost" as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("double") }) },
  ),
  { minLength: 5, maxLength: 40, size: "max" },
);

/** Deployments as the ledger has them, and beside it what a careful person wrote down of each pipeline. */
class Harbour {
  readonly world = new World();
  readonly notes = new Map<string, { live: RunId; end: DeployEnd | null }>();
  readonly numbers: number[] = [];

  standing(pipeline: string): Standing {
    return standingOf(foldEvents(this.world.events).get("prod"), pipeline);
  }
}

function take(harbour: Harbour, step: Step): void {
  const { world, notes } = harbour;
  world.now += HOUR;
  if (step.kind === "double") return void world.events.push(...world.events.slice(-1));
  if (step.kind === "deploy") return deployNext(harbour, step.end);
  const pipeline = PIPELINES[step.pipeline] ?? "digits";
  const noted = notes.get(pipeline);
  if (step.kind === "release") {
    const released = RUNS[step.run] ?? runId("a");
    world.event("released", { pipeline, run: released });
    notes.set(pipeline, { live: released, end: null });
  } else if (step.kind === "rollback") {
    const target = rollbackTarget(harbour.standing(pipeline), null);
    if (target === undefined) return;
    world.event("rolled-back", { pipeline, run: target.run });
    notes.set(pipeline, { live: target.run, end: null });
    expect(harbour.standing(pipeline).hold).not.toBeNull();
  } else if (noted !== undefined && (noted.end === "failed" || noted.end === "lost")) {
    world.event("requested", { pipeline, run: noted.live });
    notes.set(pipeline, { ...noted, end: null });
  }
}

function deployNext({ world, notes, numbers }: Harbour, end: DeployEnd): void {
  const due = dueDeployment("prod", foldEvents(world.events).get("prod"));
  const waiting = [...notes].filter(([, note]) => note.end === null);
  expect(due !== undefined).toBe(waiting.length > 0);
  if (due === undefined) return;
  // It is of what is live now, and its number was never given before.
  expect(notes.get(due.pipeline)).toEqual({ live: due.run, end: null });
  expect(due.number).toBe((numbers.at(-1) ?? 0) + 1);
  numbers.push(due.number);
  const { pipeline, number, run: deployed } = due;
  world.event("deployed", { pipeline, run: deployed, deployment: { number, end } });
  notes.set(pipeline, { live: due.run, end });
}

const HEALTH = { succeeded: "live", failed: "degraded", lost: "unknown" } as const;

test("in 2,000 histories every release is deployed once under a rising number, and what that led to follows from the ledger", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(steps, (history) => {
      const harbour = new Harbour();
      for (const step of history) {
        take(harbour, step);
        for (const [pipeline, { live, end }] of harbour.notes) {
          const standing = harbour.standing(pipeline);
          const health = healthOf(standing);
          seen.add(health);
          expect([standing.live?.run, health]).toEqual([live, end === null ? "deploying" : HEALTH[end]]);
        }
      }
    }),
    { numRuns: 2_000 },
  );
  expect([...seen].toSorted()).toEqual(["degraded", "deploying", "live", "unknown"]);
}, 120_000);

test("nothing follows a release that is being deployed, or of which nobody knows how that ended; a failed one may be followed", () => {
  fc.assert(
    fc.property(steps, fc.boolean(), (history, deploys) => {
      const harbour = new Harbour();
      for (const step of history) take(harbour, step);
      const state = foldEvents(harbour.world.events).get("prod");
      const standing = { ...standingOf(state, "digits"), hold: null };
      const note = harbour.notes.get("digits");
      const next = RUNS.find((one) => one !== note?.live) ?? runId("c");
      const decision = decidePromotion({
        environment: { ...settings, after: null, approvals: null, deploy: deploys ? "pipelines/ship.yaml" : null },
        state,
        standing,
        upstream: undefined,
        run: next,
        evidence: digestOf("evidence"),
        gates: [],
        voters: [],
        authors: [],
        now: harbour.world.now,
      });
      const stands = deploys && note !== undefined && (note.end === null || note.end === "lost");
      expect(decision.waits.map(({ kind }) => kind)).toEqual(
        stands ? [note.end === null ? "deploying" : "unknown"] : [],
      );
      for (const { out } of decision.waits) expect(out).not.toBe("");
    }),
    { numRuns: 1_000 },
  );
});

test("where the environment before deploys, what has not got there, or not long enough ago, is not live in it", () => {
  fc.assert(
    fc.property(steps, fc.nat(6), (history, hours) => {
      const harbour = new Harbour();
      for (const step of history) take(harbour, step);
      const note = harbour.notes.get("digits");
      fc.pre(note !== undefined);
      const upstream = harbour.standing("digits");
      const since = Date.parse(upstream.deployedAt ?? "");
      const now = harbour.world.now + hours * HOUR;
      const decision = decidePromotion({
        environment: { ...settings, approvals: null },
        state: undefined,
        standing: NOTHING,
        upstream: { standing: upstream, deploys: true },
        run: note.live,
        evidence: digestOf("evidence"),
        gates: [],
        voters: [],
        authors: [],
        now,
      });
      expect(decision.kind === "release").toBe(note.end === "succeeded" && now >= since + settings.soakMs);
    }),
    { numRuns: 1_000 },
  );
});

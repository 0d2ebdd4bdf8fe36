import type { TwinPullRequest, TwinRepository } from "../src/twin/world.ts";
import type { Place } from "./place.ts";
import { median, row, type Row } from "./row.ts";
import { pipeline, pipelines, serve, type Served } from "./served.ts";

const STEPS = 20;
const PUSHES = 21;
const BURST = 200;
const [FEW, MANY] = [1_000, 5_000];

/** From a delivery to the answer, to the desired comment and check, and what the service keeps of thousands. */
export async function deliveries(at: Place): Promise<Row[]> {
  await using served = await serve(at.fresh());
  const small = await oneOf(served, { name: "hundred", count: 100 });
  const large = await oneOf(served, { name: "thousand", count: 1_000 });
  const burst = await burstOf(served);
  const growth = await growthOf(served);
  return [
    row("delivery-to-plan-100x20-p50", [small, "ms"], { target: 250 }),
    row("delivery-to-plan-1000x20-one-changed-p50", [large, "ms"], { target: 1.5 * small }),
    row("burst-200-answered-p99", [burst.answeredMs, "ms"], { target: 200 }),
    row("burst-200-all-planned", [burst.plannedMs, "ms"], { target: 60_000 }),
    row("resident-growth-1000-to-5000-deliveries", [growth / 1e6, "MB"], { target: 10 }),
  ];
}

/** One pull request that is pushed to again and again, each time with one pipeline changed. */
async function oneOf(
  served: Served,
  { name, count }: { readonly name: string; readonly count: number },
): Promise<number> {
  const { forge } = served.twin;
  forge.deliveries.drop = true;
  const repository = await pipelines(served.twin, name, { count, steps: STEPS });
  const push = (value: number): Promise<string> =>
    forge.commit(repository, {
      branch: "change",
      files: { "pipelines/p0.yaml": pipeline(0, STEPS, value) },
      message: `Value ${value}`,
      login: "alice",
    });
  await push(1);
  const pull = await forge.openPull(repository, { branch: "change", title: "Change", login: "alice" });
  const times: number[] = [];
  for (let at = 2; at < PUSHES + 2; at++) {
    await push(at);
    times.push(await planned(served, pull));
  }
  // The first fetches and parses everything.
  return median(times.slice(1));
}

/** Delivers the newest thing said about a pull request; ms from then until its states are computed. */
async function planned(served: Served, pull: TwinPullRequest): Promise<number> {
  const from = served.lines.length;
  const delivery = served.twin.forge.deliveries.sent.findLast(({ event }) => event === "pull_request");
  if (delivery === undefined) throw new Error("unreachable: a pull request was opened");
  const began = Date.now();
  await served.deliver("pull_request", delivery.payload);
  const done = (): number | undefined =>
    served.lines.slice(from).find((line) => line.end === "done" && line.number === pull.number)?.time;
  await served.heard("the plan", () => done() !== undefined, 120);
  return (done() ?? 0) - began;
}

async function manyPulls(served: Served, repository: TwinRepository, count: number): Promise<readonly object[]> {
  const { forge } = served.twin;
  forge.deliveries.drop = true;
  for (let at = 0; at < count; at++) {
    const branch = `change-${at}`;
    const files = { [`pipelines/p${at % 100}.yaml`]: pipeline(at % 100, STEPS, at + 1) };
    await forge.commit(repository, { branch, files, message: branch, login: "alice" });
    await forge.openPull(repository, { branch, title: branch, login: "alice" });
  }
  return forge.deliveries.sent.flatMap(({ event, payload }) =>
    event === "pull_request" && (payload["repository"] as { id: number }).id === repository.id ? [payload] : [],
  );
}

/** As many pull requests as deliveries, all at once. */
async function burstOf(served: Served): Promise<{ readonly answeredMs: number; readonly plannedMs: number }> {
  const repository = await pipelines(served.twin, "burst", { count: 100, steps: STEPS });
  const payloads = await manyPulls(served, repository, BURST);
  const from = served.lines.length;
  const began = Date.now();
  const answers = await Promise.all(payloads.map((payload) => served.deliver("pull_request", payload)));
  if (answers.some(({ status }) => status !== 202)) throw new Error("a delivery was not taken");
  const done = (): readonly number[] =>
    served.lines
      .slice(from)
      .flatMap((line) => (line.end === "done" && line.trigger === "pull-request" ? [line.time] : []));
  await served.heard("all plans", () => done().length >= BURST, 300);
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    answeredMs: times[Math.floor(times.length * 0.99) - 1] ?? Number.NaN,
    plannedMs: Math.max(...done()) - began,
  };
}

/** What the service's process holds more after thousands of deliveries of all kinds about one small repository. */
async function growthOf(served: Served): Promise<number> {
  const repository = await pipelines(served.twin, "steady", { count: 2, steps: 3 });
  const payloads = await manyPulls(served, repository, 10);
  let sent = 0;
  const until = async (count: number): Promise<number> => {
    while (sent < count) {
      const batch = Array.from({ length: 10 }, (_, at) => payloads[(sent + at) % payloads.length] ?? {});
      await Promise.all(batch.map((payload) => served.deliver("pull_request", payload)));
      sent += batch.length;
    }
    while ((await served.busy()) > 0) await new Promise((resolve) => setTimeout(resolve, 200));
    return served.resident();
  };
  const few = await until(FEW);
  return (await until(MANY)) - few;
}

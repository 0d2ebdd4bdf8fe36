import { pinsOf } from "../../controller/project.ts";
import type { CommitSha, Domain } from "../../identity/identity.ts";
import type { RunSummary } from "../../index/history.ts";
import type { At } from "../serve/at.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import { isOfBranch, parentOf } from "../../run/due-upstream.ts";
import { orderOf, type RunOrder } from "../../run/request.ts";
import { cronOf, slotOf, slotParams } from "../../run/schedule-slots.ts";

const ENDED_BADLY: readonly RunSummary["status"][] = ["failed", "cancelled", "refused", "abandoned"];

/**
 * Orders that repeat the newest runs of a commit that did not succeed, as they were asked for: of one pull request, or
 * (null) of the branch itself. `word` names who asked, so that asking twice is one run.
 */
export async function retriesAt(
  at: At,
  repository: ForgeRepository,
  of: Pick<Retrying, "pullRequest" | "domain" | "by" | "word"> & { readonly commit: CommitSha },
): Promise<readonly RunOrder[]> {
  const { history } = repository;
  await history.sync();
  const orders: RunOrder[] = [];
  for (const [pipeline, there] of Map.groupBy(history.runs({ source: of.commit }), (run) => run.pipeline)) {
    const all = history.runs({ pipeline });
    const find = (id: string): RunSummary | undefined => all.find((run) => run.id === id);
    const newest = there.find((run) =>
      of.pullRequest === null
        ? isOfBranch(run, null, find)
        : run.pullRequest === of.pullRequest && !isOfBranch(run, null, find),
    );
    if (newest === undefined || !ENDED_BADLY.includes(newest.status)) continue;
    const order = await retryOf(at, repository, { ...of, newest, root: rootOf(newest, find) });
    if (order !== undefined) orders.push(order);
  }
  return orders;
}

function rootOf(run: RunSummary, find: (id: string) => RunSummary | undefined): RunSummary {
  const parent = run.trigger === "retry" ? find(parentOf(run.request)) : undefined;
  return parent === undefined ? run : rootOf(parent, find);
}

interface Retrying {
  readonly by: string;
  readonly word: string;
  readonly pullRequest: number | null;
  /** Of the pull request; null where it is a branch's. */
  readonly domain: Domain | null;
  readonly newest: RunSummary;
  /** What was asked for at first. */
  readonly root: RunSummary;
}

async function retryOf(
  at: At,
  { forge, planAt, mirror }: ForgeRepository,
  of: Retrying,
): Promise<RunOrder | undefined> {
  const { newest, root } = of;
  const about = await forge.about();
  if (about.kind !== "ok" || (await mirror.resolve(newest.source)) === undefined) return undefined;
  const { defaultBranch } = about.value;
  const pushed = root.request.startsWith("push:") ? root.request.slice("push:".length) : defaultBranch;
  const domain = of.domain ?? (pushed === defaultBranch ? ("main" as const) : ("pr" as const));
  const plain = { pipeline: newest.pipeline, forced: [], overrides: {}, pins: null };
  const find = async (as: typeof plain | Slot) =>
    (await planAt({ commit: newest.source, tree: null, domain, against: null, as })).planned.at(0);
  const first = await find(plain);
  const slot = first === undefined ? undefined : slotAs(first.file.pipeline, root.request);
  const one = slot === undefined ? first : await find(slot);
  if (one === undefined || one.order === null) return undefined;
  return orderOf(one.file.pipeline, {
    repository: String(forge.repository.id),
    source: newest.source,
    request: `retry:${newest.id}:${of.word}`,
    plan: one.order.digest,
    domain,
    branch: of.pullRequest === null ? pushed : null,
    pullRequest: newest.pullRequest,
    requestedBy: of.by,
    acceptedAt: new Date(forge.date() ?? at.service.parts.clock.now()).toISOString(),
    pins: pinsOf(one.datasets),
    ...(slot !== undefined && { forced: slot.forced, overrides: slot.overrides }),
  });
}

type Slot = Pick<RunOrder, "pipeline" | "forced" | "overrides"> & { readonly pins: null };

/** A scheduled run is repeated with what its slot refreshes and passes. */
function slotAs(pipeline: PipelineOf, request: string): Slot | undefined {
  const slot = slotOf(request);
  const schedule = pipeline.triggers.schedule.find((one) => cronOf(one) === slot?.cron);
  if (slot === undefined || schedule === undefined) return undefined;
  return { pipeline: pipeline.id, forced: schedule.refresh, overrides: slotParams(schedule, slot.slot), pins: null };
}

type PipelineOf = Awaited<ReturnType<ForgeRepository["planAt"]>>["planned"][number]["file"]["pipeline"];

import type { RunId } from "../../identity/identity.ts";
import type { RunSummary } from "../../index/history.ts";
import type { Schedule } from "../../pipeline/pipeline.ts";
import { dueSlots } from "../../run/due-schedule.ts";
import { isOfBranch, upstreamRequests } from "../../run/due-upstream.ts";
import { slotParams, slotRequest } from "../../run/schedule-slots.ts";
import { askedAt, start, type Looking, type Tip } from "./looking.ts";

/** Slots of schedules that are due by the forge's clock. */
export async function lookAtClocks(looking: Looking, at: Tip): Promise<void> {
  const { ports, open } = looking;
  const now = ports.forge.date() ?? ports.clock.now();
  for (const { file } of at.commit.planned) {
    const { pipeline } = file;
    if (pipeline.triggers.schedule.length === 0) continue;
    const requests = [
      ...ports.history.runs({ pipeline: pipeline.id }).map((run) => run.request),
      ...open.filter((order) => order.pipeline === pipeline.id).map((order) => order.request),
    ];
    for (const schedule of pipeline.triggers.schedule) {
      const since = await ports.firstSeen(pipeline.id, schedule);
      for (const slot of dueSlots(schedule, { now, since, requests }))
        await startSlot(looking, at, { pipeline: pipeline.id, schedule, slot });
    }
  }
}

async function startSlot(
  looking: Looking,
  at: Tip,
  of: { readonly pipeline: string; readonly schedule: Schedule; readonly slot: number },
): Promise<void> {
  const { pipeline, schedule, slot } = of;
  const overrides = slotParams(schedule, slot);
  const as = { pipeline, forced: schedule.refresh, overrides, pins: null };
  const commit = await looking.ports.planAt({ commit: at.tip, tree: null, domain: "main", against: null, as });
  const [one] = commit.planned;
  if (one === undefined) return;
  await start(looking, one, {
    ...askedAt(looking, at),
    request: slotRequest(schedule, slot),
    forced: schedule.refresh,
    overrides,
    ...(schedule.catchUp === "all" && { keep: "all" }),
  });
}

/** Pipelines whose upstream pipelines have succeeded since they last asked. */
export async function lookUpstream(looking: Looking, at: Tip): Promise<void> {
  const { ports, open } = looking;
  const { planned } = at.commit;
  const upstreamOf = new Map(
    planned.map(({ file: { pipeline } }) => [pipeline.id, pipeline.triggers.upstream.map((one) => one.pipeline)]),
  );
  const newest = (pipeline: string): RunSummary | undefined => {
    const runs = ports.history.runs({ pipeline });
    const find = (id: RunId): RunSummary | undefined => runs.find((run) => run.id === id);
    return runs.find((run) => run.status === "succeeded" && isOfBranch(run, at.branch, find));
  };
  for (const one of planned) {
    const { id } = one.file.pipeline;
    for (const request of upstreamRequests(id, upstreamOf, newest)) {
      const known =
        open.some((order) => order.pipeline === id && order.request === request) ||
        ports.history.runs({ pipeline: id }).some((run) => run.request === request);
      if (!known) await start(looking, one, { ...askedAt(looking, at), request });
    }
  }
}

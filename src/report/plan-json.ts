import { verdictSentence } from "./cause.ts";
import { countsOf, planRows, totalTime, unpinned, type PlanRow, type PlanView } from "./plan-view.ts";
import { terminalVoice } from "./voice.ts";
import { jsonDocument } from "./words.ts";

/** The plan for programs, version 1; run ids and digests in full, `why` as people read it. */
export function planJson(views: readonly PlanView[], slots: number, removed: readonly string[] = []): string {
  return jsonDocument({ pipelines: views.map((view) => pipelineOf(view, slots)), removed });
}

function pipelineOf(view: PlanView, slots: number): unknown {
  const time = totalTime(view, slots);
  return {
    name: view.name,
    id: view.order?.pipeline.id ?? null,
    path: view.path,
    plan: view.order?.digest ?? null,
    pinned: view.order?.pinned ?? null,
    unpinned: unpinned(view),
    summary: countsOf(view),
    time: { totalMs: Math.round(time.ms), unknownSteps: time.unknown },
    costUsd: view.costUsd === "unknown" ? null : view.costUsd,
    steps: planRows(view)
      .filter((row) => row.kind !== "removed")
      .map(stepOf),
    removed: view.forecast?.removed ?? [],
    problems: view.problems,
    policies: view.policies,
  };
}

const voice = terminalVoice();

function stepOf(row: PlanRow): unknown {
  const verdict = row.forecast?.verdict;
  if (verdict === undefined) return { name: row.name };
  const why = verdictSentence(verdict, { step: row.step, shortId: (id) => id }, voice);
  const common = {
    name: row.name,
    id: row.step?.id ?? row.name,
    verdict: verdict.kind,
    why,
    after: row.step?.after ?? [],
    time: row.forecast?.time ?? null,
  };
  switch (verdict.kind) {
    case "run":
      return { ...common, key: verdict.key, cause: verdict.cause };
    case "cached":
      return { ...common, key: verdict.key, from: verdict.from };
    case "depends":
      return { ...common, on: verdict.on, root: verdict.root, changes: verdict.changes };
    case "withheld":
      return common;
  }
}

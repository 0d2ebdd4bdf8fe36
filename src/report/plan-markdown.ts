import type { Leave } from "../policy/permission.ts";
import { withinBudget } from "./budget.ts";
import { changeSentence, ownWords, shownValue, verdictSentence } from "./cause.ts";
import { codeBlock, codeSpan, markdownTable, markdownText } from "./escape-markdown.ts";
import { graphMermaid } from "./graph-mermaid.ts";
import { graphOf } from "./graph-view.ts";
import { planChanges } from "./plan-changes.ts";
import { timeCell } from "./plan-text.ts";
import {
  countsOf,
  headline,
  isBroken,
  isUnchanged,
  planRows,
  unpinned,
  type PlanRow,
  type PlanView,
} from "./plan-view.ts";
import { signOf } from "./sign.ts";
import { markdownVoice } from "./voice.ts";
import { counted, listed, ordinal, shortDigest, type ShortId } from "./words.ts";

export interface PlanMarkdownOptions {
  readonly shortId: ShortId;
  readonly slots: number;
  /** At most so many characters, and in the fullest form so many rows; a comment's share by default. */
  readonly most?: { readonly characters: number; readonly rows: number };
  /** Names of pipelines that are not among the views: nothing to run, or taken away. */
  readonly others?: { readonly unchanged: readonly string[]; readonly removed: readonly string[] };
  /** A problem's code frame without colours, as lines. */
  readonly frame: (problem: PlanView["problems"][number]) => readonly string[];
  /** The pull request, or null for a plan that somebody prints. */
  readonly pullRequest: {
    readonly head: string;
    readonly base: string;
    readonly branch: string;
    readonly revision: number;
    /** Of a fork: whether what it brings may run before the merge. */
    readonly fork?: Leave;
  } | null;
}

const LISTED = 20;

/** How much is shown: counts are always kept, rows and details give way when a comment would overflow. */
interface Extent {
  readonly rows: number;
  readonly details: boolean;
  readonly pipelines: number;
  readonly names: number;
}

const extents: readonly Extent[] = [
  { rows: 30, details: true, pipelines: 50, names: LISTED },
  { rows: 10, details: true, pipelines: 50, names: LISTED },
  { rows: 10, details: false, pipelines: 50, names: LISTED },
  { rows: 0, details: false, pipelines: 100, names: LISTED },
  { rows: 0, details: false, pipelines: 20, names: LISTED },
  { rows: 0, details: false, pipelines: 3, names: 2 },
];

/** The plan as the sticky comment's first part: a section for each pipeline, unchanged ones in one line. */
export function planMarkdown(views: readonly PlanView[], options: PlanMarkdownOptions): string {
  return fittedPlan(views, options).text;
}

/** The plan in its fullest form that fits, and whether something had to give way for that. */
export function fittedPlan(
  views: readonly PlanView[],
  options: PlanMarkdownOptions,
): { readonly text: string; readonly shortened: boolean } {
  const { most } = options;
  const rows = most === undefined ? [] : [most.rows, Math.floor(most.rows / 4)].filter((count) => count > 30);
  const fuller = rows.map((count): Extent => ({ rows: count, details: true, pipelines: 200, names: 200 }));
  let tried = 0;
  const variants = [...fuller, ...extents].map((extent) => () => {
    tried++;
    return comment(views, options, extent);
  });
  const text = withinBudget(variants, most?.characters);
  return { text, shortened: tried > 1 };
}

function comment(views: readonly PlanView[], options: PlanMarkdownOptions, extent: Extent): string {
  const changed = views.filter((view) => !isUnchanged(view));
  const unchanged = [...views.filter(isUnchanged).map((view) => view.name), ...(options.others?.unchanged ?? [])];
  const removed = options.others?.removed ?? [];
  const parts = changed.slice(0, extent.pipelines).map((view) => section(view, options, extent));
  if (changed.length > extent.pipelines)
    parts.push(`… and ${counted(changed.length - extent.pipelines, "more pipeline")}`);
  if (changed.length === 0) parts.push("### Sluice · nothing to run");
  const named = (names: readonly string[]): string =>
    listed(
      names.map((name) => codeSpan(name)),
      extent.names,
    );
  if (removed.length > 0) parts.push(`Removed: ${named(removed)}`);
  if (unchanged.length > 0) parts.push(`Unchanged: ${named(unchanged)}`);
  parts.push(...ending(views, options));
  return `${parts.join("\n\n")}\n`;
}

function section(view: PlanView, options: PlanMarkdownOptions, extent: Extent): string {
  const title = `### Sluice · ${codeSpan(view.name)}: ${headline(view, options.slots)}`;
  const problems = problemList(view, options, extent);
  if (isBroken(view)) return [title, ...problems].join("\n\n");
  const rows = planRows(view);
  return [
    title,
    ...(extent.rows > 0 ? [table(rows, options, extent.rows)] : []),
    ...problems,
    ...(extent.details ? [details(view)] : []),
  ].join("\n\n");
}

function problemList(view: PlanView, options: PlanMarkdownOptions, extent: Extent): readonly string[] {
  const shown = view.problems.slice(0, extent.rows).map((problem) => problemMarkdown(problem, options.frame(problem)));
  const rest = view.problems.length - shown.length;
  return rest > 0 ? [...shown, `… and ${counted(rest, "more problem")}: the check lists them all`] : shown;
}

/** A problem: where and what, the code frame, the next action. */
export function problemMarkdown(problem: PlanView["problems"][number], frame: readonly string[]): string {
  const place = codeSpan(`${problem.at.path}:${problem.at.line}:${problem.at.column}`);
  const word = problem.severity === "error" ? "" : "warning: ";
  const block = frame.length > 0 ? `\n\n${codeBlock(frame)}` : "";
  return `${place} ${word}${ownWords(problem.message, markdownVoice)}${block}\n\n*${ownWords(problem.next, markdownVoice)}*`;
}

function table(rows: readonly PlanRow[], options: PlanMarkdownOptions, most: number): string {
  const shown = rows.slice(0, most);
  const cells = shown.map((row) => [
    signOf(row.kind).trim(),
    row.kind === "run" ? `**${markdownText(row.name, 80)}**` : markdownText(row.name, 80),
    row.forecast === undefined
      ? "not in this pipeline any more"
      : verdictSentence(row.forecast.verdict, { step: row.step, shortId: options.shortId }, markdownVoice),
    timeCell(row),
  ]);
  const rest = rows.length - shown.length;
  const more = rest > 0 ? `\n\n… and ${counted(rest, "more step")}: ${restOf(rows.slice(most))}` : "";
  return markdownTable(["", "step", "why", "time"], cells) + more;
}

function restOf(rows: readonly PlanRow[]): string {
  const words = { run: "run", depends: "depend", cached: "cached", withheld: "left out", removed: "removed" } as const;
  const kinds = ["run", "depends", "removed", "withheld", "cached"] as const;
  return kinds
    .map((kind) => ({ kind, count: rows.filter((row) => row.kind === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${words[kind]}`)
    .join(", ");
}

function details(view: PlanView): string {
  const changes = planChanges(view);
  const policies = policyWords(view);
  const summary = [
    "Graph",
    `Parameters (${changes.parameters.length})`,
    `Code (${changes.code.length})`,
    `Data (${changes.data.length})`,
    ...(policies === "" ? [] : [`Policies (${policies})`]),
  ].join(" · ");
  const graph =
    view.order === null
      ? ""
      : codeBlock(graphMermaid(graphOf(view.order, view.forecast)).trimEnd().split("\n"), "mermaid");
  const parameters = changes.parameters.map(({ name, from, to }) => [
    codeSpan(name),
    codeSpan(shownValue(from)),
    codeSpan(shownValue(to)),
  ]);
  const blocks = [
    `<details><summary>${summary}</summary>`,
    graph,
    parameters.length > 0 ? bounded(parameters, (rows) => markdownTable(["parameter", "before", "now"], rows)) : "",
    changes.code.length > 0
      ? bounded(
          changes.code,
          (rows) => `Code: ${rows.map((change) => changeSentence(change, markdownVoice)).join(", ")}`,
        )
      : "",
    changes.data.length > 0
      ? bounded(
          changes.data,
          (rows) => `Data: ${rows.map((change) => changeSentence(change, markdownVoice)).join(", ")}`,
        )
      : "",
    policyTable(view.policies),
    shadowTable(view),
    pinSentence(view),
    "</details>",
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}

function bounded<Item>(items: readonly Item[], render: (items: readonly Item[]) => string): string {
  const rest = items.length - LISTED;
  return rest > 0 ? `${render(items.slice(0, LISTED))}\n\n… and ${rest} more` : render(items);
}

function policyWords({ policies }: PlanView): string {
  const tally = (outcome: string): number => policies.filter((policy) => policy.outcome === outcome).length;
  const parts = [
    tally("denied") > 0 ? `${tally("denied")} denied` : "",
    tally("passed") > 0 ? `${tally("passed")} passed` : "",
    tally("warned") > 0 ? counted(tally("warned"), "warning") : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** Verdicts of settings that are only proposed. */
function shadowTable({ shadow = [] }: PlanView): string {
  if (shadow.length === 0) return "";
  const words = "By the `sluice.yaml` of this change, which decides nothing before it is merged:";
  return `${words}\n\n${policyTable(shadow)}`;
}

function policyTable(policies: PlanView["policies"]): string {
  if (policies.length === 0) return "";
  return bounded(policies, (rows) =>
    markdownTable(
      ["policy", "verdict", ""],
      rows.map((policy) => [markdownText(policy.name, 80), policy.outcome, markdownText(policy.message)]),
    ),
  );
}

function pinSentence(view: PlanView): string {
  const names = unpinned(view);
  if (names.length === 0) return "";
  return `Not in a pinned environment: ${listed(
    names.map((name) => codeSpan(name)),
    6,
  )}`;
}

function ending(views: readonly PlanView[], { pullRequest }: PlanMarkdownOptions): readonly string[] {
  if (views.some(isBroken)) return ["**Next:** mend what is shown above and push."];
  const work = views.some((view) => countsOf(view).run + countsOf(view).depends > 0);
  if (pullRequest === null) return work ? ["**Next:** `sluice run`"] : [];
  const shown = work ? views.filter((view) => !isUnchanged(view)) : views;
  const plans = shown.flatMap((view) => (view.order === null ? [] : [codeSpan(shortDigest(view.order.digest))]));
  const footer = [
    `${["plan", ...(plans.length === 0 ? [] : [listed(plans)])].join(" ")} for ${codeSpan(shortDigest(pullRequest.head))} onto ${codeSpan(shortDigest(pullRequest.base))}`,
    ...(pullRequest.revision > 1 ? [`${ordinal(pullRequest.revision)} revision`, "earlier plans in the check"] : []),
  ].join(" · ");
  const next = work ? `**Next:** ${nextOf(pullRequest)}\n` : "";
  return [`${next}<sub>${footer}</sub>`];
}

function nextOf({ fork, head, branch }: NonNullable<PlanMarkdownOptions["pullRequest"]>): string {
  const merge = `merge to run it on ${codeSpan(branch)}.`;
  if (fork === undefined) return `comment \`/sluice run\` to try it here, or ${merge}`;
  if (fork.kind === "refused")
    return `${merge} ${ownWords(`It comes from a fork, and does not run before: ${fork.why}. To change that, ${fork.next}.`, markdownVoice)}`;
  return `look at it, then comment ${codeSpan(`/sluice run @${head}`)} to try it apart from everything else (a maintainer may), or ${merge}`;
}

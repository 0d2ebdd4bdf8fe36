import type { Isolation } from "../key/key-document.ts";
import { runsElsewhere } from "../scheduling/step-room.ts";
import { verdictSentence } from "./cause.ts";
import { formatSpread } from "./duration.ts";
import type { Paint } from "./paint.ts";
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
import { safeLine } from "./safe-text.ts";
import { signOf } from "./sign.ts";
import { alignColumns, fit } from "./table.ts";
import { terminalVoice } from "./voice.ts";
import { counted, listed, type ShortId } from "./words.ts";

export interface PlanTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
  /** Steps that run at once, for the predicted total. */
  readonly slots: number;
  /** A problem as text with its code frame. */
  readonly frame: (problem: PlanView["problems"][number]) => string;
  /** How steps would be kept apart here; `workspace` is said, because it cannot see every undeclared read. */
  readonly isolation?: Isolation;
  /** Cores of this machine: a step that asks for more gets those. */
  readonly cpus?: number;
  /** Why memory limits are not enforced here, where they are not. */
  readonly memory?: string;
  /** Pipelines that were taken away. */
  readonly removed?: readonly string[];
  /** Cached steps beyond this many rows are told as one line. */
  readonly rows: number;
}

/** What would run and why, for a terminal: a section for each pipeline, unchanged ones in one line. */
export function planText(views: readonly PlanView[], options: PlanTextOptions): string {
  const single = views.length === 1;
  const changed = views.filter((view) => single || !isUnchanged(view));
  const unchanged = single ? [] : views.filter(isUnchanged);
  const sections = changed.map((view) => section(view, options));
  const removed = (options.removed ?? []).map((name) => safeLine(name));
  if (removed.length > 0) sections.push(`removed: ${listed(removed, 10)}`);
  if (unchanged.length > 0) sections.push(unchangedLine(unchanged));
  const next = nextLine(views);
  return `${[...sections, ...(next === "" ? [] : [next])].join("\n\n")}\n`;
}

function section(view: PlanView, options: PlanTextOptions): string {
  const { paint } = options;
  const title = `${paint.strong(safeLine(view.name))}: ${headline(view, options.slots)}`;
  const frames = view.problems.map((problem) => options.frame(problem).trimEnd()).filter((frame) => frame !== "");
  if (isBroken(view)) return [title, ...frames].join("\n\n");
  const lines = [
    title,
    ...tableLines(planRows(view), options),
    ...pinLine(view, paint),
    ...isolationLine(view, options),
    ...memoryLine(view, options),
    ...coresLine(view, options),
  ];
  return [lines.join("\n"), ...frames].join("\n\n");
}

function tableLines(rows: readonly PlanRow[], options: PlanTextOptions): readonly string[] {
  const cached = rows.filter((row) => row.kind === "cached");
  const fold = rows.length > options.rows && cached.length > 1;
  const shown = fold ? rows.filter((row) => row.kind !== "cached") : rows;
  const voice = terminalVoice(options.paint);
  const cells = shown.map((row) => [
    `${painted(row.kind, options.paint)} ${fit(safeLine(row.name), 40)}`,
    row.forecast === undefined
      ? "not in this pipeline any more"
      : verdictSentence(row.forecast.verdict, { step: row.step, shortId: options.shortId }, voice),
    timeCell(row),
  ]);
  const lines = alignColumns(cells).map((line) => `  ${line}`);
  if (fold) lines.push(`  ${painted("cached", options.paint)} ${counted(cached.length, "step")} cached`);
  return lines.length > 0 ? ["", ...lines] : [];
}

function painted(kind: PlanRow["kind"], paint: Paint): string {
  const sign = signOf(kind);
  if (kind === "run") return paint.accent(sign);
  if (kind === "cached") return paint.good(sign);
  return kind === "depends" ? paint.warn(sign) : sign;
}

/** `42 s ± 3`, `unknown`, or a dash for what takes no time. */
export function timeCell(row: PlanRow): string {
  if (row.kind !== "run" && row.kind !== "depends") return "–";
  const time = row.forecast?.time ?? null;
  return time === null ? "unknown" : formatSpread(time.medianMs, time.spreadMs);
}

function pinLine(view: PlanView, paint: Paint): readonly string[] {
  const names = unpinned(view);
  const counts = countsOf(view);
  if (names.length === 0 || counts.run + counts.depends === 0) return [];
  const all = names.length === view.order?.steps.length;
  const sentence = all
    ? "no step has a pinned environment"
    : `not in a pinned environment: ${listed(
        names.map((name) => safeLine(name)),
        3,
      )}`;
  return ["", paint.dim(`  ${sentence} (\`environment:\` with a lock file makes results repeatable)`)];
}

function isolationLine(view: PlanView, { isolation, paint }: PlanTextOptions): readonly string[] {
  const counts = countsOf(view);
  if (isolation !== "workspace" || counts.run + counts.depends === 0) return [];
  return ["", paint.dim("  isolation workspace: reads by absolute path are not noticed here")];
}

/** Said only where a step that may run asks for a limit. */
function memoryLine(view: PlanView, { memory, paint }: PlanTextOptions): readonly string[] {
  const limited = planRows(view).some(
    ({ kind, step }) => (kind === "run" || kind === "depends") && (step?.step.resources.memory ?? null) !== null,
  );
  return memory === undefined || !limited
    ? []
    : ["", paint.dim(`  \`resources.memory\` is not enforced here: ${memory}`)];
}

/** Said of steps that run on this machine and ask for more than it has: it gives them what there is. */
function coresLine(view: PlanView, { cpus = Infinity, paint }: PlanTextOptions): readonly string[] {
  const names = planRows(view).flatMap(({ kind, name, step }) => {
    const asks = step === undefined || runsElsewhere(step.step) ? 0 : step.step.resources.cpu;
    return (kind === "run" || kind === "depends") && asks > cpus ? [`${safeLine(name)} (${asks})`] : [];
  });
  if (names.length === 0) return [];
  return ["", paint.dim(`  more cores are asked for than the ${cpus} of this machine: ${listed(names, 3)}`)];
}

function unchangedLine(views: readonly PlanView[]): string {
  const steps = views.reduce((sum, view) => sum + countsOf(view).cached, 0);
  return `unchanged: ${listed(
    views.map((view) => safeLine(view.name)),
    10,
  )} (${counted(steps, "step")} cached)`;
}

function nextLine(views: readonly PlanView[]): string {
  const broken = views.filter(isBroken);
  if (broken.length > 0) return "Next: mend what is shown above, then `sluice plan`";
  const work = views.filter((view) => countsOf(view).run + countsOf(view).depends > 0);
  if (work.length === 0) return "";
  const names = views.length === 1 ? "" : ` ${work.map((view) => safeLine(view.name)).join(" ")}`;
  return `Next: \`sluice run${work.length === views.length ? "" : names}\``;
}

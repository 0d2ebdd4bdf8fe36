import type { AskedOverview, EnvironmentOverview, PipelineOverview } from "../release/overview.ts";
import { formatElapsed } from "./duration.ts";
import type { Paint } from "./paint.ts";
import { safeLine } from "./safe-text.ts";
import { alignColumns } from "./table.ts";
import { fourCharacters, formatTime } from "./words.ts";

/** Environments with the ledger that says so, and how old that is. */
export interface EnvironmentsView {
  readonly ledger: { readonly ref: string; readonly newest: string | null };
  readonly environments: readonly EnvironmentOverview[];
}

export interface EnvironmentsTextOptions {
  readonly paint: Paint;
  /** RFC 3339: the present, handed in. */
  readonly now: string;
}

/** What is live where and since when, what is held, and what is asked for with what it waits for. */
export function environmentsText({ ledger, environments }: EnvironmentsView, options: EnvironmentsTextOptions): string {
  const { paint } = options;
  const rows = environments.flatMap((one) => rowsOf(one, options));
  const aligned = alignColumns(rows.map(({ cells }) => cells));
  const age = ledger.newest === null ? "nothing is recorded yet" : `as of ${formatTime(ledger.newest)}`;
  return [
    `${paint.strong("Environments")} ${paint.dim(`${age}; the newest: git fetch origin sluice/ledger`)}`,
    ...rows.flatMap(({ details }, at) => [aligned[at] ?? "", ...details.map((line) => `      ${line}`)]),
  ].join("\n");
}

interface Row {
  readonly cells: readonly string[];
  readonly details: readonly string[];
}

function rowsOf(one: EnvironmentOverview, options: EnvironmentsTextOptions): readonly Row[] {
  const name = safeLine(one.environment, 40);
  const { freeze } = one;
  const frozen =
    freeze === null
      ? []
      : [
          `${options.paint.warn("held")} by ${safeLine(freeze.by.login)} since ${formatTime(freeze.at)}: ${safeLine(freeze.reason)}; next: sluice unfreeze ${name} <reason>`,
        ];
  if (one.pipelines.length === 0) return [{ cells: [`  ${name}`, "", "nothing is live"], details: frozen }];
  return one.pipelines.map((pipeline, at) => ({
    cells: [`  ${at === 0 ? name : ""}`, safeLine(pipeline.pipeline, 40), liveWords(pipeline, options)],
    details: [...(at === 0 ? frozen : []), ...detailsOf(name, pipeline, options)],
  }));
}

const HOW = { released: "released", "rolled-back": "rolled back", forced: "forced" } as const;

function liveWords({ live, soaks, deployed }: PipelineOverview, { paint, now }: EnvironmentsTextOptions): string {
  if (live === null) return "nothing is live";
  const lasted = formatElapsed(Date.parse(now) - Date.parse(live.since));
  const words = [
    `${paint.accent(fourCharacters(live.run))} live since ${formatTime(live.since)}, for ${lasted}, ${HOW[live.how]} by ${safeLine(live.by.login)}`,
    ...(deployed === null
      ? []
      : [deployed === "lost" ? "nobody knows how its deployment ended" : `deployment ${deployed}`]),
    ...soaks.map(({ environment, until }) =>
      Date.parse(until) > Date.parse(now)
        ? `soaks for ${safeLine(environment, 40)} until ${formatTime(until)}`
        : `long enough for ${safeLine(environment, 40)}`,
    ),
  ];
  return words.join("; ");
}

function detailsOf(
  environment: string,
  { pipeline, hold, request }: PipelineOverview,
  options: EnvironmentsTextOptions,
): readonly string[] {
  const held =
    hold === null
      ? []
      : [
          `${options.paint.warn("held")} by ${safeLine(hold.by.login)} since ${formatTime(hold.at)}: ${safeLine(hold.reason)}; next: sluice unhold ${environment}/${safeLine(pipeline, 40)}`,
        ];
  return request === null ? held : [...held, ...askedLines(request, options)];
}

/** Holds stand above already. */
function askedLines(
  { run, by, at, pullRequest, approvedBy, waits }: AskedOverview,
  { paint }: EnvironmentsTextOptions,
): readonly string[] {
  const where = pullRequest === null ? "" : ` in #${pullRequest}`;
  const agreed =
    approvedBy.length === 0 ? "" : `; approved by ${approvedBy.map(({ login }) => safeLine(login)).join(", ")}`;
  const open = waits.filter(({ kind }) => kind !== "hold" && kind !== "freeze");
  const nothing = waits.length === 0 ? "; nothing stands against it, the service goes on with it" : "";
  return [
    `${paint.accent(fourCharacters(run))} asked for by ${safeLine(by.login)} ${formatTime(at)}${where}${agreed}${nothing}`,
    ...open.map(({ why, out }) => `  ${safeLine(why)}; next: ${safeLine(out.replaceAll("/sluice ", "sluice "))}`),
  ];
}

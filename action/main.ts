import { appendFileSync } from "node:fs";

import type { PipelineFile, PlannedPipeline, Project } from "../src/controller/project.ts";
import type { Git } from "../src/git/git.ts";
import { openGit } from "../src/git/open-git.ts";
import type { CommitSha } from "../src/identity/identity.ts";
import { renderProblem } from "../src/problem/frame.ts";
import { isError, type Problem } from "../src/problem/problem.ts";
import { planJson } from "../src/report/plan-json.ts";
import { planMarkdown, problemMarkdown } from "../src/report/plan-markdown.ts";
import type { PlanView } from "../src/report/plan-view.ts";
import { safeLine } from "../src/report/safe-text.ts";
import { counted } from "../src/report/words.ts";
import { annotation, command, output } from "./command.ts";
import { planAgainst, projectAt } from "./compare.ts";
import { readInputs, type Inputs } from "./inputs.ts";
import { judge } from "./policies.ts";

/** The runner shows ten of each kind a step; a hundred lines are enough for the log. */
const MOST_ANNOTATIONS = 100;
const MOST_IN_SUMMARY = 50;

/** The GitHub Action: validates and plans the commit that the workflow runs for; answers the exit code. */
async function main(env: NodeJS.ProcessEnv): Promise<number> {
  const inputs = readInputs(env);
  if (typeof inputs === "string") return fail(inputs);
  const opened = await open(inputs.workspace);
  if (typeof opened === "string") return fail(opened);
  const commit = await opened.resolve(inputs.commit);
  if (commit === undefined) return fail(`the commit ${inputs.commit} is not checked out: add actions/checkout before`);
  const base = await baseOf(opened, inputs, commit);
  const head = await projectAt(opened, commit);
  const chosen = choose(head, inputs.pipelines);
  if (typeof chosen === "string") return fail(chosen);
  const before = base === null ? null : await projectAt(opened, base);
  const planned = await planAgainst({ head, base: before }, chosen);
  // Policies come from the base: a change does not loosen the rules that it is judged by.
  const rules = (before ?? head).settings.policies;
  const views = planned.map((one) => viewOf(one, judge(rules, one, slotsOf(head))));
  return report(inputs, head, views);
}

async function open(workspace: string): Promise<Git | string> {
  const opened = await openGit(workspace);
  if (opened.kind === "ok") return opened.git;
  // A job in a container works in a directory of somebody else, which the git binary distrusts.
  const again = await openGit(workspace, "isomorphic");
  return again.kind === "ok" ? again.git : `${opened.why}: add actions/checkout before`;
}

/** The merge base with what the change goes into; null, and a notice, where the checkout does not hold it. */
async function baseOf(git: Git, { base }: Inputs, commit: CommitSha): Promise<CommitSha | null> {
  if (base === null) return null;
  const tip = (await git.resolve(base)) ?? (await git.resolve(`origin/${base}`));
  const found = tip === undefined ? undefined : ((await git.mergeBase(tip, commit)) ?? tip);
  if (found !== undefined) return found;
  const what = `the base ${safeLine(base, 100)} is not in this checkout, so every step counts as new`;
  say(command("notice", `${what}. Next: give actions/checkout \`fetch-depth: 0\``));
  return null;
}

function choose(head: Project, names: readonly string[]): readonly PipelineFile[] | string {
  if (names.length === 0) return head.pipelines;
  const known = new Set(head.pipelines.map(({ pipeline }) => pipeline.name));
  const missing = names.find((name) => !known.has(name) && !head.broken.some((path) => path.includes(name)));
  if (missing !== undefined) return `there is no pipeline ${missing}: known are ${[...known].join(", ") || "none"}`;
  return head.pipelines.filter(({ pipeline }) => names.includes(pipeline.name));
}

function viewOf(planned: PlannedPipeline, policies: PlanView["policies"]): PlanView {
  const { file, order, forecast, problems } = planned;
  return {
    name: file.pipeline.name,
    path: file.path,
    order,
    forecast,
    problems,
    costUsd: null,
    policies,
  };
}

async function report(inputs: Inputs, head: Project, views: readonly PlanView[]): Promise<number> {
  const problems = [...head.problems, ...views.flatMap((view) => view.problems)];
  for (const problem of problems.slice(0, MOST_ANNOTATIONS)) say(annotation(problem));
  const denied = views.flatMap(({ name, policies }) =>
    policies.flatMap((policy) =>
      policy.outcome === "denied" ? [`${name}: the policy ${policy.name} denies this`] : [],
    ),
  );
  for (const text of denied) say(command(inputs.failOn === "policy" ? "error" : "warning", safeLine(text, 300)));
  const errors = problems.filter(isError).length;
  if (inputs.summaryFile !== null) appendFileSync(inputs.summaryFile, await summary(head, views));
  const work = views.some((view) => view.forecast?.steps.some(({ verdict }) => isWork(verdict.kind)) === true);
  if (inputs.outputFile !== null) {
    const outputs = { plan: planJson(views, slotsOf(head)), problems: String(problems.length), work: String(work) };
    appendFileSync(
      inputs.outputFile,
      Object.entries(outputs)
        .map(([name, value]) => output(name, value))
        .join(""),
    );
  }
  say(
    [
      counted(views.length + head.broken.length, "pipeline"),
      counted(errors, "error"),
      counted(problems.length - errors, "warning"),
    ].join(", "),
  );
  if (inputs.failOn === "never") return 0;
  return errors > 0 || (inputs.failOn === "policy" && denied.length > 0) ? 1 : 0;
}

function isWork(kind: string): boolean {
  return kind === "run" || kind === "depends";
}

function slotsOf(head: Project): number {
  return head.settings.pools["default"]?.concurrency ?? 4;
}

/** Mistakes that leave no plan first, then the plan of every pipeline that has one. */
async function summary(head: Project, views: readonly PlanView[]): Promise<string> {
  const texts = await textsOf(head, [...head.problems, ...views.flatMap((view) => view.problems)]);
  const frame = (problem: Problem): readonly string[] =>
    renderProblem(problem, texts.get(problem.at.path), { color: false }).trimEnd().split("\n").slice(1, -1);
  const shown = head.problems.slice(0, MOST_IN_SUMMARY).map((problem) => problemMarkdown(problem, frame(problem)));
  const rest = head.problems.length - shown.length;
  const mistakes =
    shown.length === 0
      ? ""
      : [
          `### Sluice · ${counted(head.problems.length, "problem")}`,
          ...shown,
          ...(rest > 0 ? [`… and ${rest} more`] : []),
          "",
        ].join("\n\n");
  const options = { shortId: () => "base", slots: slotsOf(head), frame, pullRequest: null };
  return `${mistakes}${views.length === 0 && mistakes !== "" ? "" : planMarkdown(views, options)}\n`;
}

async function textsOf(head: Project, problems: readonly Problem[]): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const path of new Set(problems.map(({ at }) => at.path))) {
    const bytes = await head.view.read(path);
    if (bytes !== undefined && bytes.byteLength < 8_000_000) texts.set(path, new TextDecoder().decode(bytes));
  }
  return texts;
}

function fail(why: string): number {
  say(command("error", safeLine(why, 500)));
  return 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main(process.env);

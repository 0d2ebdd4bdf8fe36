import { rollbackTarget } from "../release/decide.ts";
import type { Health } from "../release/deployment.ts";
import type { Live, Standing } from "../release/environment-state.ts";
import type { RunId } from "../identity/identity.ts";
import type { Failure } from "../run/run-record.ts";
import { codeBlock, codeSpan, markdownText } from "./escape-markdown.ts";
import { failureSentence } from "./failure-sentence.ts";
import { safeLine } from "./safe-text.ts";
import { markdownVoice } from "./voice.ts";

/** A release in an environment that deploys, as people are told of it. */
export interface DeploymentView {
  readonly environment: string;
  readonly pipeline: string;
  readonly health: Exclude<Health, "empty">;
  readonly live: Live;
  readonly earlier: Standing["earlier"];
  /** How many deployments the environment has had of it and others. */
  readonly deployments: number;
  /** The run that made the last one; null: there was none. */
  readonly ended: DeploymentRun | null;
  /** Why it failed, where there was no run. */
  readonly why: string | null;
}

export interface DeploymentRun {
  readonly run: RunId;
  /** The step that ended it. */
  readonly failed: { readonly step: string; readonly failure: Failure; readonly tail: readonly string[] } | null;
}

export function deploymentTitle({ pipeline, live }: Pick<DeploymentView, "pipeline" | "live">): string {
  return safeLine(`${pipeline}, run ${live.run.slice(0, 8)}`);
}

/** What the check of a merged promotion says of its deployment. */
export function deploymentStatus(view: DeploymentView): {
  readonly conclusion: "success" | "failure" | null;
  readonly title: string;
  readonly summary: string;
} {
  const what = `Run ${codeSpan(view.live.run)} of ${codeSpan(view.pipeline)}`;
  const where = codeSpan(view.environment);
  switch (view.health) {
    case "deploying":
      return {
        conclusion: null,
        title: "released, and being deployed",
        summary: `${what} is released and on its way to ${where}.`,
      };
    case "live":
      return {
        conclusion: "success",
        title: `deployed by deployment ${view.deployments}`,
        summary: `${what} is deployed to ${where}.`,
      };
    case "degraded":
      return {
        conclusion: "failure",
        title: `deployment ${view.deployments} failed`,
        summary: `${what} did not get to ${where}, which is degraded.\n\n${cause(view)}${choice(view)}`,
      };
    case "unknown":
      return {
        conclusion: "failure",
        title: `nobody knows how deployment ${view.deployments} ended`,
        summary: `What carried ${what} to ${where} was lost on its way.\n\n${cause(view)}${choice(view)}`,
      };
  }
}

/** One issue for each pipeline of an environment: open while it is degraded or unknown. */
export function deploymentIssue(view: DeploymentView): {
  readonly marker: string;
  readonly title: string;
  readonly body: string;
  readonly open: boolean;
} {
  const { environment, pipeline, health } = view;
  const marker = `<!-- sluice:deploy ${environment}/${pipeline} -->`;
  const open = health === "degraded" || health === "unknown";
  const { summary } = deploymentStatus(view);
  const state = health === "unknown" ? "in an unknown state" : "degraded";
  return {
    marker,
    open,
    title: safeLine(`${environment} is ${state}: deployment ${view.deployments} of ${pipeline}`, 200),
    body: `${summary}\n\nThe next deployment of it that succeeds closes this issue.\n`,
  };
}

/** What went wrong, with the last lines of its log. */
function cause({ ended, why }: DeploymentView): string {
  if (ended === null) return why === null ? "" : `It was not begun: ${markdownText(why)}.\n\n`;
  const { failed, run } = ended;
  const told = `(${codeSpan(`sluice show ${run.slice(0, 8)}`)})`;
  if (failed === null) return `Run ${codeSpan(run.slice(0, 8))} was stopped ${told}.\n\n`;
  const { step, failure, tail } = failed;
  const next = failure.kind === "refused" ? `; ${markdownText(failure.next)}` : "";
  const sentence = `${codeSpan(step)} failed: ${failureSentence(failure, markdownVoice)}${next} ${told}.\n\n`;
  return tail.length === 0 ? sentence : `${sentence}${codeBlock(tail)}\n\n`;
}

/** A person decides: back to what was there, or the same once more. */
function choice({ environment, pipeline, health, live, earlier }: DeploymentView): string {
  const again = `${codeSpan(`/sluice promote ${environment} ${pipeline}`)} deploys it again`;
  const before = rollbackTarget({ earlier }, null);
  const back =
    before === undefined
      ? undefined
      : `${codeSpan(`/sluice rollback ${environment} ${pipeline}`)} deploys run ${codeSpan(before.run)}, which was live before`;
  const first =
    health === "unknown" ? `Nothing is deployed there until somebody has looked at ${codeSpan(environment)}. ` : "";
  const place = live.pullRequest === null ? "on a pull request" : `on #${live.pullRequest} or another pull request`;
  return `${first}**Next:** comment ${place}: ${[back, again].filter((one) => one !== undefined).join(", or ")}.`;
}

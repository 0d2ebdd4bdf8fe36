import { escapeHtml } from "./inline.ts";
import type { TwinDeployment, TwinPullRequest, TwinRepository } from "./world.ts";

/** Where the head or the merge of a pull request was brought to, newest first; nothing where it was not. */
export function deploymentsOf({ deployments }: TwinRepository, { head, mergeCommit }: TwinPullRequest): string {
  const of = deployments.filter(({ sha }) => sha === head || sha === mergeCommit).toReversed();
  if (of.length === 0) return "";
  return `<section aria-labelledby="deployments"><h2 id="deployments">Deployments</h2><ul>${of.map(itemHtml).join("")}</ul></section>`;
}

function itemHtml({ environment, task, sha, description, statuses }: TwinDeployment): string {
  const last = statuses.at(-1);
  const state = last?.state ?? "pending";
  const said = last?.description ?? description;
  return `<li><span class="${escapeHtml(state)}">${escapeHtml(state.replaceAll("_", " "))}</span> · <b>${escapeHtml(environment)}</b> · ${escapeHtml(task)} <code>${sha.slice(0, 7)}</code><br><bdi>${escapeHtml(said)}</bdi></li>`;
}

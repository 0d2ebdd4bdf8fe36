import { escapeHtml } from "./inline.ts";
import { markdownHtml } from "./markdown.ts";
import { deploymentsOf } from "./pull-deployments.ts";
import type { TwinCheck, TwinComment, TwinPullRequest, TwinRepository, TwinReview } from "./world.ts";

export function stateOf(pull: TwinPullRequest): string {
  return pull.merged ? "merged" : pull.state;
}

/** One pull request: what it is, what was said about it, and checks and deployments of its head and of its merge. */
export function pullPage(repository: TwinRepository, pull: TwinPullRequest): string {
  const comments = repository.comments.get(pull.number) ?? [];
  const said = [
    ...(pull.body.trim() === "" ? [] : [{ at: pull.createdAt, html: bodyHtml(pull) }]),
    ...comments.map((comment) => ({ at: comment.createdAt, html: commentHtml(comment) })),
    ...pull.reviews.map((review) => ({ at: review.at, html: reviewHtml(review) })),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const checks = newest(repository, pull).map(checkHtml);
  return `${headerHtml(repository, pull)}
<section aria-labelledby="conversation"><h2 id="conversation">Conversation</h2>${said.map(({ html }) => html).join("") || "<p>Nothing was said yet.</p>"}</section>
<section aria-labelledby="checks"><h2 id="checks">Checks</h2>${checks.join("") || "<p>No check yet.</p>"}</section>${deploymentsOf(repository, pull)}`;
}

function headerHtml(repository: TwinRepository, pull: TwinPullRequest): string {
  const labels = pull.labels.map((label) => `<li><bdi>${escapeHtml(label)}</bdi></li>`).join("");
  const state = stateOf(pull);
  const branches = `<code>${escapeHtml(headOf(repository, pull))}</code> into <code>${escapeHtml(pull.base)}</code>`;
  const verb = pull.merged ? "merged by" : "opened by";
  const who = (pull.merged ? pull.mergedBy : null) ?? pull.user;
  return `<h1><bdi>${escapeHtml(pull.title)}</bdi> <small>#${pull.number}</small></h1>
<div class="facts"><span class="state ${state}">${state}</span><span>${branches}, ${verb} <b>${escapeHtml(who.login)}</b></span>${labels === "" ? "" : `<ul class="labels" aria-label="labels">${labels}</ul>`}</div>`;
}

/** A fork's branch is named with its owner. */
function headOf(repository: TwinRepository, { from, branch }: TwinPullRequest): string {
  return from === repository ? branch : `${from.owner.login}:${branch}`;
}

function article(id: string, { header, body }: { readonly header: string; readonly body: string }): string {
  const said = body.trim() === "" ? "" : `<div dir="auto">${markdownHtml(body)}</div>`;
  return `<article id="${id}" aria-labelledby="${id}-by"><header id="${id}-by">${header}</header>${said}</article>`;
}

function bodyHtml(pull: TwinPullRequest): string {
  const header = `<b>${escapeHtml(pull.user.login)}</b> <span class="faint">opened this</span>`;
  return article(`pull-${pull.id}`, { header, body: pull.body });
}

function commentHtml(comment: TwinComment): string {
  const reactions = comment.reactions.map(
    ({ user, content }) =>
      ` <span role="img" aria-label="${escapeHtml(`${content} of ${user.login}`)}">${REACTIONS[content] ?? escapeHtml(content)}</span>`,
  );
  const header = `<b>${escapeHtml(comment.user.login)}</b> <span class="faint">commented</span>${reactions.join("")}`;
  return article(`issuecomment-${comment.id}`, { header, body: comment.body });
}

const REACTIONS: Readonly<Record<string, string>> = {
  "+1": "👍",
  "-1": "👎",
  eyes: "👀",
  rocket: "🚀",
  confused: "😕",
  heart: "❤️",
  hooray: "🎉",
  laugh: "😄",
};

function reviewHtml(review: TwinReview): string {
  const state = review.state.toLowerCase().replaceAll("_", " ");
  const header = `<b>${escapeHtml(review.user.login)}</b> <span class="faint">reviewed <code>${review.commit.slice(0, 7)}</code>:</span> ${state}`;
  return article(`review-${review.id}`, { header, body: review.body });
}

/** The newest check of each name and commit, as it is the one that counts. */
function newest(repository: TwinRepository, pull: TwinPullRequest): readonly TwinCheck[] {
  const of = repository.checks.filter(({ head }) => head === pull.head || head === pull.mergeCommit);
  return [...new Map(of.map((check) => [`${check.head} ${check.name}`, check])).values()];
}

const SIGNS: Readonly<Record<string, string>> = {
  success: "✓",
  failure: "✗",
  timed_out: "✗",
  action_required: "!",
  cancelled: "⊘",
  skipped: "–",
  neutral: "◦",
};

function checkHtml(check: TwinCheck): string {
  const outcome = check.conclusion ?? check.status;
  const open = outcome === "failure" ? " open" : "";
  const sign = SIGNS[outcome] ?? "…";
  const summary = `<span class="${escapeHtml(outcome)}">${sign} ${escapeHtml(outcome.replaceAll("_", " "))}</span> · <b>${escapeHtml(check.name)}</b> · <bdi>${escapeHtml(check.output.title)}</bdi> <code>${check.head.slice(0, 7)}</code>`;
  const body = `${check.output.summary}\n\n${check.output.text}`;
  const notes = annotationsHtml(check);
  if (body.trim() === "" && notes === "") return `<p class="check">${summary}</p>`;
  return `<details class="check"${open}><summary>${summary}</summary><div>${markdownHtml(body)}${notes}</div></details>`;
}

/** What the check says at lines of files. */
function annotationsHtml({ output }: TwinCheck): string {
  const text = (value: unknown): string =>
    typeof value === "string" || typeof value === "number" ? escapeHtml(String(value)) : "";
  const items = output.annotations.map((one) => {
    const level = text(one["annotation_level"]);
    const place = `<code>${text(one["path"])}:${text(one["start_line"])}</code>`;
    return `<li><span class="${level}">${level}</span> ${place} <bdi><b>${text(one["title"])}</b></bdi><br><bdi>${text(one["message"])}</bdi></li>`;
  });
  return items.length === 0 ? "" : `<ul aria-label="annotations">${items.join("")}</ul>`;
}

import type { IncomingMessage, ServerResponse } from "node:http";

import type { TwinForge } from "./forge.ts";
import { escapeHtml, markdownHtml } from "./markdown.ts";
import type { TwinPullRequest, TwinRepository } from "./world.ts";

/** The forge as a person sees it in a browser: pull requests with their comments, checks and labels. */
export async function answerPage(
  forge: TwinForge,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  request.resume();
  const [, owner, name, number] = /^\/([^/]+)\/([^/]+)(?:\/pull\/(\d+))?\/?$/.exec(url.pathname) ?? [];
  const repository = forge.world.repositories.get(`${owner}/${name}`);
  const pull = number === undefined ? undefined : repository?.pulls.get(Number(number));
  const body =
    url.pathname === "/"
      ? index(forge)
      : repository === undefined || (number !== undefined && pull === undefined)
        ? undefined
        : pull === undefined
          ? pulls(repository)
          : pullPage(repository, pull);
  response.statusCode = body === undefined ? 404 : 200;
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.setHeader("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
  response.end(page(body ?? "<h1>Not found</h1>"));
}

function page(body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>twin</title><style>${STYLE}</style></head><body>${body}</body></html>`;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2rem auto;padding:0 1rem;color:#1f2328}
article{border:1px solid #d1d9e0;border-radius:6px;margin:1rem 0}article>header{background:#f6f8fa;padding:.5rem 1rem;border-bottom:1px solid #d1d9e0}
article>div{padding:.5rem 1rem}table{border-collapse:collapse}td,th{border:1px solid #d1d9e0;padding:.3rem .7rem}
code{background:#eff1f3;border-radius:4px;padding:.1rem .3rem}pre{background:#f6f8fa;padding:.8rem;overflow:auto}pre code{padding:0}
.label{background:#ddf4ff;border-radius:1rem;padding:.1rem .6rem}.success{color:#1a7f37}.failure{color:#d1242f}`;

function index(forge: TwinForge): string {
  const items = [...forge.world.repositories.values()].map(
    ({ fullName }) => `<li><a href="/${escapeHtml(fullName)}">${escapeHtml(fullName)}</a></li>`,
  );
  return `<h1>Repositories</h1><ul>${items.join("")}</ul>`;
}

function pulls({ fullName, pulls: all }: TwinRepository): string {
  const items = [...all.values()].map(
    (pull) =>
      `<li><a href="/${escapeHtml(fullName)}/pull/${pull.number}">#${pull.number} ${escapeHtml(pull.title)}</a> ${stateOf(pull)}</li>`,
  );
  return `<h1>${escapeHtml(fullName)}</h1><ul>${items.join("")}</ul>`;
}

function stateOf(pull: TwinPullRequest): string {
  return pull.merged ? "merged" : pull.state;
}

function pullPage(repository: TwinRepository, pull: TwinPullRequest): string {
  const labels = pull.labels.map((label) => `<span class="label">${escapeHtml(label)}</span>`).join(" ");
  const comments = (repository.comments.get(pull.number) ?? []).map(
    (comment) =>
      `<article id="issuecomment-${comment.id}"><header><b>${escapeHtml(comment.user.login)}</b>${comment.reactions
        .map(({ content }) => ` · ${escapeHtml(content)}`)
        .join("")}</header><div>${markdownHtml(comment.body)}</div></article>`,
  );
  const checks = repository.checks
    .filter((check) => check.head === pull.head || check.head === pull.mergeCommit)
    .map(
      (check) =>
        `<article class="check"><header><b>${escapeHtml(check.name)}</b> · <span class="${escapeHtml(check.conclusion ?? "")}">${escapeHtml(check.conclusion ?? check.status)}</span> · ${escapeHtml(check.output.title)}</header><div>${markdownHtml(check.output.summary)}</div></article>`,
    );
  return `<h1>${escapeHtml(pull.title)} <small>#${pull.number}</small></h1><p>${stateOf(pull)} · ${escapeHtml(headOf(repository, pull))} into ${escapeHtml(pull.base)} ${labels}</p>${comments.join("")}<h2>Checks</h2>${checks.join("")}`;
}

/** A fork's branch is named with its owner. */
function headOf(repository: TwinRepository, { from, branch }: TwinPullRequest): string {
  return from === repository ? branch : `${from.owner.login}:${branch}`;
}

import type { IncomingMessage, ServerResponse } from "node:http";

import type { TwinForge } from "./forge.ts";
import { GRAPH_SCRIPTS, mermaidFile, scriptAt } from "./graphs.ts";
import { escapeHtml } from "./inline.ts";
import { STYLE } from "./page-style.ts";
import { pullPage, stateOf } from "./pull-page.ts";
import type { TwinRepository } from "./world.ts";

interface Page {
  readonly title: string;
  readonly main: string;
  readonly repository?: TwinRepository;
}

/** The forge as a person sees it in a browser: pull requests with their comments, checks and labels. */
export async function answerPage(
  forge: TwinForge,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  request.resume();
  const script = await scriptAt(url.pathname);
  if (script !== undefined) {
    response.setHeader("content-type", "text/javascript; charset=utf-8");
    response.setHeader("cache-control", "max-age=3600");
    response.end(script);
    return;
  }
  const page = pageAt(forge, url.pathname);
  response.statusCode = page === undefined ? 404 : 200;
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.setHeader(
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:",
  );
  response.end(pageHtml(page ?? { title: "Not found", main: "<h1>Not found</h1>" }));
}

function pageAt(forge: TwinForge, path: string): Page | undefined {
  if (path === "/") return index(forge);
  const [, owner, name, number] = /^\/([^/]+)\/([^/]+)(?:\/pull\/(\d+))?\/?$/.exec(path) ?? [];
  const repository = forge.world.repositories.get(`${owner}/${name}`);
  if (repository === undefined) return undefined;
  if (number === undefined) return pulls(repository);
  const pull = repository.pulls.get(Number(number));
  return pull && { title: `${pull.title} #${pull.number}`, main: pullPage(repository, pull), repository };
}

function pageHtml({ title, main, repository }: Page): string {
  const scripts = main.includes('<figure class="graph">') && mermaidFile() !== undefined ? GRAPH_SCRIPTS : "";
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>${escapeHtml(title)}</title><style>${STYLE}</style>${scripts}`;
  const place =
    repository === undefined
      ? ""
      : ` / <a href="/${escapeHtml(repository.fullName)}">${escapeHtml(repository.fullName)}</a>`;
  const body = `<header><nav aria-label="place"><a href="/">Repositories</a>${place}</nav></header><main>${main}</main>${repository === undefined ? "" : footer(repository)}`;
  return `<!doctype html><html lang="en"><head>${head}</head><body>${body}</body></html>`;
}

/** The pages end with the demo; the repository stays. */
function footer({ directory }: TwinRepository): string {
  const command = `git -C ${shellWord(directory)} log sluice/ledger`;
  return `<footer><p>The bare repository is <code>${escapeHtml(directory)}</code>, and what ran is a branch of it like any other:</p><pre tabindex="0"><code>${escapeHtml(command)}</code></pre></footer>`;
}

function shellWord(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function index(forge: TwinForge): Page {
  const items = [...forge.world.repositories.values()].map(
    ({ fullName }) => `<li><a href="/${escapeHtml(fullName)}">${escapeHtml(fullName)}</a></li>`,
  );
  return { title: "Repositories", main: `<h1>Repositories</h1><ul>${items.join("")}</ul>` };
}

function pulls(repository: TwinRepository): Page {
  const { fullName } = repository;
  const items = [...repository.pulls.values()].map(
    (pull) =>
      `<li><a href="/${escapeHtml(fullName)}/pull/${pull.number}">#${pull.number} <bdi>${escapeHtml(pull.title)}</bdi></a> <span class="faint">${stateOf(pull)}</span></li>`,
  );
  const list = items.length === 0 ? "<p>No pull request yet.</p>" : `<ul>${items.join("")}</ul>`;
  return { title: fullName, main: `<h1>${escapeHtml(fullName)}</h1>${list}`, repository };
}

import { escapeHtml, inlineHtml } from "./inline.ts";

interface Block {
  readonly html: string;
  /** The first line that is not part of it. */
  readonly next: number;
}

/**
 * The part of GitHub's Markdown that comments here are written in: headings, tables, lists, quotes, code, graphs, folded
 * details. All else is text; nothing that a comment holds becomes markup but what is named here.
 */
export function markdownHtml(markdown: string): string {
  return blocks(markdown.split(/\r?\n/));
}

function blocks(lines: readonly string[]): string {
  const html: string[] = [];
  let open = 0;
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? "";
    const folded = /^<details>(?:<summary>(.*)<\/summary>)?\s*$/.exec(line);
    if (folded !== null) {
      html.push(`<details><summary>${inlineHtml(folded[1] ?? "Details")}</summary>`);
      open++;
      at++;
    } else if (/^<\/details>\s*$/.test(line) && open > 0) {
      html.push("</details>");
      open--;
      at++;
    } else {
      const block = blockAt(lines, at);
      html.push(block.html);
      at = block.next;
    }
  }
  return [...html, "</details>".repeat(open)].join("\n");
}

function blockAt(lines: readonly string[], at: number): Block {
  const line = lines[at] ?? "";
  if (line.trim() === "") return { html: "", next: at + 1 };
  const heading = /^(#{1,6}) (.*)$/.exec(line);
  if (heading !== null) return { html: headingHtml(heading), next: at + 1 };
  if (FENCE.test(line)) return fence(lines, at);
  if (line.startsWith("|")) return table(lines, at);
  if (ITEM.test(line)) return list(lines, at);
  if (line.startsWith(">")) {
    const next = endOf(lines, at, (one) => one.startsWith(">"));
    const quoted = lines.slice(at, next).map((one) => one.replace(/^> ?/, ""));
    return { html: `<blockquote>${blocks(quoted)}</blockquote>`, next };
  }
  const comment = commentEnd(lines, at);
  if (comment !== undefined) return { html: "", next: comment };
  const next = endOf(lines, at + 1, (one) => one.trim() !== "" && !STARTS.test(one));
  const html = inlineHtml(lines.slice(at, next).join("\n"));
  return { html: html.trim() === "" ? "" : `<p dir="auto">${html}</p>`, next };
}

const FENCE = /^(`{3,})([\w-]*)\s*$/;
const ITEM = /^([-*]|\d{1,9}[.)]) +(.*)$/;
/** What ends a paragraph without an empty line. */
const STARTS = /^(#{1,6} |`{3,}[\w-]*\s*$|\||[-*] |>|<\/?details>)/;

/** The page has the first two levels: what a comment calls its first heading stands below them. */
function headingHtml([, marks = "", text = ""]: RegExpExecArray): string {
  const level = Math.max(3, marks.length);
  return `<h${level} dir="auto">${inlineHtml(text)}</h${level}>`;
}

function endOf(lines: readonly string[], from: number, belongs: (line: string) => boolean): number {
  const end = lines.findIndex((one, index) => index >= from && !belongs(one));
  return end < 0 ? lines.length : end;
}

/** Where a comment that starts a line and ends one has ended. */
function commentEnd(lines: readonly string[], at: number): number | undefined {
  if (!lines[at]?.startsWith("<!--")) return undefined;
  const end = lines.findIndex((one, index) => index >= at && one.includes("-->"));
  return end >= 0 && /-->\s*$/.test(lines[end] ?? "") ? end + 1 : undefined;
}

function fence(lines: readonly string[], at: number): Block {
  const [, marks = "```", language] = FENCE.exec(lines[at] ?? "") ?? [];
  const end = endOf(lines, at + 1, (one) => !/^`{3,}\s*$/.test(one) || one.trim().length < marks.length);
  const code = `<pre tabindex="0"><code>${escapeHtml(lines.slice(at + 1, end).join("\n"))}</code></pre>`;
  return { html: language === "mermaid" ? `<figure class="graph">${code}</figure>` : code, next: end + 1 };
}

function list(lines: readonly string[], at: number): Block {
  const tag = /^\d/.test(lines[at] ?? "") ? "ol" : "ul";
  const items: string[][] = [];
  let next = at;
  for (; next < lines.length; next++) {
    const line = lines[next] ?? "";
    const item = ITEM.exec(line);
    if (item !== null) items.push([item[2] ?? ""]);
    else if (/^ {2}/.test(line)) items.at(-1)?.push(line.replace(/^ {2,3}/, ""));
    else break;
  }
  const html = items.map(([first = "", ...rest]) => `<li dir="auto">${inlineHtml(first)}${blocks(rest)}</li>`);
  return { html: `<${tag}>${html.join("")}</${tag}>`, next };
}

function table(lines: readonly string[], at: number): Block {
  const next = endOf(lines, at, (line) => line.startsWith("|"));
  const [head = "", rule = "", ...body] = lines.slice(at, next);
  const right = cellsOf(rule).map((cell) => cell.endsWith(":"));
  const line = (tag: string, row: string): string =>
    `<tr>${cellsOf(row)
      .map((cell, column) => `<${tag}${right[column] === true ? ' class="right"' : ""}>${inlineHtml(cell)}</${tag}>`)
      .join("")}</tr>`;
  const rows = body.map((row) => line("td", row)).join("");
  const html = `<div class="wide" tabindex="0" role="group" aria-label="table"><table><thead>${line("th", head)}</thead><tbody>${rows}</tbody></table></div>`;
  return { html, next };
}

function cellsOf(row: string): readonly string[] {
  return row
    .trim()
    .replace(/^\||(?<!\\)\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));
}

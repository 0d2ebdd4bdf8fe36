/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const ALLOWED = /&#60;(\/?)(details|summary|sub|b|br)&#62;/g;

/**
 * The part of GitHub's Markdown that comments here are written in: headings, tables, lists, code, folded details.
 * All else is text; nothing that a comment holds becomes markup but what is named here.
 */
export function markdownHtml(markdown: string): string {
  const html: string[] = [];
  const lines = markdown.replace(/<!--[\s\S]*?-->/g, "").split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const fence = /^(`{3,})(\w*)\s*$/.exec(line);
    if (fence !== null) {
      const end = lines.findIndex((one, index) => index > at && one.startsWith(fence[1] ?? "```"));
      const block = lines.slice(at + 1, end < 0 ? undefined : end);
      html.push(`<pre><code>${escapeHtml(block.join("\n"))}</code></pre>`);
      at = end < 0 ? lines.length : end;
    } else if (line.startsWith("|")) {
      const rows: string[] = [];
      for (; (lines[at] ?? "").startsWith("|"); at++) rows.push(lines[at] ?? "");
      at--;
      html.push(table(rows));
    } else if (/^#{1,6} /.test(line)) {
      const level = line.indexOf(" ");
      html.push(`<h${level}>${inline(line.slice(level + 1))}</h${level}>`);
    } else if (/^[-*] /.test(line)) html.push(`<li>${inline(line.slice(2))}</li>`);
    else if (line.trim() !== "")
      html.push(/^<\/?(details|summary)/.test(line) ? inline(line) : `<p>${inline(line)}</p>`);
  }
  return html.join("\n");
}

function table(rows: readonly string[]): string {
  const cells = (row: string): string[] =>
    row
      .replace(/^\||\|\s*$/g, "")
      .split(/(?<!\\)\|/)
      .map((cell) => inline(cell.trim().replaceAll("\\|", "|")));
  const [head = "", , ...body] = rows;
  const line = (tag: string, row: string): string =>
    `<tr>${cells(row)
      .map((cell) => `<${tag}>${cell}</${tag}>`)
      .join("")}</tr>`;
  return `<table>${line("th", head)}${body.map((row) => line("td", row)).join("")}</table>`;
}

function inline(text: string): string {
  return escapeHtml(text)
    .replace(/(`+)(.+?)\1/g, (_, __, code: string) => `<code>${code.trim()}</code>`)
    .replace(/\*\*(.+?)\*\*/g, "<b>$1</b>")
    .replace(/(?<![\w*])\*([^*]+)\*(?![\w*])/g, "<i>$1</i>")
    .replace(ALLOWED, "<$1$2>")
    .replace(/\\([\\`*_{}[\]()#+.!|-])/g, "$1");
}

/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** What stands for itself: a backslash and its character, a code span, a character reference; a comment is nothing. */
const APART =
  /\\([!-/:-@[-`{-~])|(?<!`)(`+)(?!`)([^]+?)(?<!`)\2(?!`)|(&(?:#\d{1,7}|amp|lt|gt|quot|nbsp);)|<!--[^]*?-->/g;

/** One line or paragraph of Markdown as HTML: nothing that it holds becomes markup but what is named here, in pairs. */
export function inlineHtml(text: string): string {
  const kept: string[] = [];
  const apart = text
    .replace(/[\uE000\uE001]/g, "")
    .replace(APART, (_, escaped?: string, __?: string, code?: string, reference?: string) => {
      const html =
        escaped === undefined
          ? code === undefined
            ? (reference ?? "")
            : `<code>${escapeHtml(code.replace(/^ ([^]*[^ ][^]*) $/, "$1"))}</code>`
          : escapeHtml(escaped);
      return `\uE000${kept.push(html) - 1}\uE001`;
    });
  return escapeHtml(apart)
    .replace(/&#60;(b|sub|code)&#62;(.*?)&#60;\/\1&#62;/gs, "<$1>$2</$1>")
    .replace(/&#60;br&#62;/g, "<br>")
    .replace(/\*\*(?=\S)(.+?)\*\*/g, "<b>$1</b>")
    .replace(/(?<![\w*])\*(?=\S)([^*]+)\*(?![\w*])/g, "<i>$1</i>")
    .replace(/\n/g, "<br>\n")
    .replace(/\uE000(\d+)\uE001/g, (_, at: string) => kept[Number(at)] ?? "");
}

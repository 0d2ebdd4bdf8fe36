const ESC = String.fromCharCode(27);
const BEL = String.fromCharCode(7);
const CSI = String.fromCharCode(0x9b);

/** Control sequences of terminals: colours, cursor movements, titles, hyperlinks. */
const sequences = new RegExp(
  `${ESC}\\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)?|(?:${ESC}\\[|${CSI})[0-?]*[ -/]*[@-~]?|${ESC}[ -/]*[0-~]?`,
  "g",
);
const breaks = /\r\n|[\r\n\t\v\f\u0085\u2028\u2029]+/g;
/** Characters that show nothing or turn the reading order; the two variation selectors of emoji may stay. */
const invisible = /[[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{DI}]--[\uFE0E\uFE0F]]/gv;
const piles = /(\p{M}{3})\p{M}+/gu;

/**
 * Text from outside as one harmless line of at most `max` characters: no terminal sequences, no line
 * breaks, nothing invisible (shown as �), no piles of accents.
 */
export function safeLine(text: string, max = 200): string {
  const line = clean(
    text
      .slice(0, max * 8)
      .replace(sequences, "")
      .replace(breaks, " "),
  ).trim();
  return cut(line, max);
}

/** Lines of a log, each harmless and at most `max` characters; indentation stays, tabs become two spaces. */
export function safeLines(lines: readonly string[], max = 300): readonly string[] {
  return lines.flatMap((line) =>
    line
      .slice(0, max * 8)
      .replace(sequences, "")
      .split(/\r\n|[\r\n\v\f\u0085\u2028\u2029]/)
      .map((one) => cut(clean(one.replaceAll("\t", "  ")).trimEnd(), max)),
  );
}

const colours = new RegExp(`${ESC}\\[[\\d;]*m`, "y");

/** A log as a terminal may show it: colours stay, and nothing that moves the cursor, writes titles or asks for an answer. */
export function safeLog(text: string): string {
  return text.replace(/[\p{Cc}]/gu, (control, at: number) => {
    if (control === "\n" || control === "\t" || control === "\r") return control;
    colours.lastIndex = at;
    return colours.test(text) ? control : "";
  });
}

function clean(text: string): string {
  return text.replace(invisible, "\uFFFD").replace(piles, "$1");
}

/** At most `max` characters (code points), the last one an ellipsis where something was left out. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const points = [...text];
  return points.length <= max ? text : `${points.slice(0, Math.max(0, max - 1)).join("")}…`;
}

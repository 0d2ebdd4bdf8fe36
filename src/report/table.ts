/** Wide East Asian characters and emoji take two columns; a rough table, as terminals differ anyway. */
const wide =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1F64F}\u{1F680}-\u{1F6FF}\u{1F900}-\u{1F9FF}\u{20000}-\u{3FFFD}]/u;
const none = /[\p{Mn}\p{Me}\p{Cf}]/u;
const simple = /^[ -~]*$/;
const painted = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** Columns that a text takes on a terminal, colours not counted. */
export function displayWidth(text: string): number {
  if (simple.test(text)) return text.length;
  let width = 0;
  for (const character of text.replace(painted, "")) width += none.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** Rows as lines with columns aligned, two spaces between them; `right` marks columns of figures. */
export function alignColumns(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, at) => padded(cell, widths[at] ?? 0, right.has(at)))
      .join("  ")
      .trimEnd(),
  );
}

function padded(cell: string, width: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(cell)));
  return right ? space + cell : cell + space;
}

/** A text cut to a number of terminal columns. */
export function fit(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let width = 0;
  let result = "";
  for (const character of text) {
    width += displayWidth(character);
    if (width > columns - 1) return `${result}…`;
    result += character;
  }
  return result;
}

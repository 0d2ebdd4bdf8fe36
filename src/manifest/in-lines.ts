/** How deep objects are spread over lines: as far as the run's facts. */
const DEPTH = 5;

/**
 * JSON that people can read and `git diff` can compare: objects spread over lines, each item of a list on one line
 * of its own, so that a run of a thousand steps takes a thousand lines.
 */
export function inLines(value: unknown, depth: number = DEPTH, indent: string = ""): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((item) => inner + JSON.stringify(item)).join(",\n")}\n${indent}]`;
  }
  if (typeof value !== "object" || value === null || depth === 0) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${inner}${JSON.stringify(name)}: ${inLines(member, depth - 1, inner)}`);
  return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`;
}

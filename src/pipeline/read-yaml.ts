import { LineCounter, parseDocument } from "yaml";

import type { Source } from "./parsed.ts";
import { plainYaml } from "./plain-yaml.ts";
import { decode, nestingProblem, syntaxProblem, tagProblem } from "./yaml-problems.ts";
import { convert, type ReadYaml } from "./yaml-values.ts";

/** Decodes and parses one YAML document; problems say why there is no value. */
export function readYaml(source: Source): ReadYaml {
  const decoded = decode(source);
  if (typeof decoded !== "string") return { yaml: null, problems: [decoded] };
  const lines = new LineCounter();
  const file = { path: source.path, text: decoded };
  const simple = plainYaml(decoded);
  if (simple !== undefined) {
    countLines(lines, decoded);
    return convert(file, simple, lines);
  }
  const document = parseDocument(decoded, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    // Not "silent": that also silences what follows the first document.
    logLevel: "error",
  });
  const tooDeep = document.errors.find((error) => /call stack|Stack overflow/.test(error.message));
  if (tooDeep !== undefined) {
    const { line, col } = lines.linePos(tooDeep.pos[0]);
    return {
      yaml: null,
      problems: [nestingProblem({ path: source.path, line: Math.max(1, line), column: Math.max(1, col) })],
    };
  }
  const problems = [
    ...document.errors.slice(0, 100).map((error) => syntaxProblem(source.path, lines, error)),
    ...document.warnings.slice(0, 100).map((warning) => tagProblem(source.path, { text: decoded, lines }, warning)),
  ];
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== "1.2") {
    problems.push({
      severity: "error",
      code: "yaml-version",
      at: { path: source.path, line: 1, column: 1 },
      message: `the file asks for YAML ${document.directives.yaml.version}, and Sluice reads YAML 1.2`,
      next: "remove the `%YAML` line",
    });
  }
  if (problems.length > 0) return { yaml: null, problems };
  return convert(file, document.contents, lines);
}

/** What the library counts while it reads. */
export function countLines(lines: LineCounter, text: string): void {
  lines.addNewLine(0);
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines.addNewLine(at + 1);
}

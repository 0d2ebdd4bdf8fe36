import * as fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { codeBlock, codeSpan, markdownTable, markdownText } from "../../src/report/escape-markdown.ts";
import { failureMarkdown } from "../../src/report/failure-markdown.ts";
import { failureText } from "../../src/report/failure.ts";
import { noPaint } from "../../src/report/paint.ts";
import { planMarkdown } from "../../src/report/plan-markdown.ts";
import { planText } from "../../src/report/plan-text.ts";
import { safeLine } from "../../src/report/safe-text.ts";
import { fourCharacters } from "../../src/report/words.ts";
import { changedDigits, run, workOrder, workStep } from "../report/digits.ts";

const bits = [
  "|",
  "\\",
  "`",
  "``",
  "```",
  "~~~",
  "*",
  "**",
  "_",
  "__",
  "[",
  "](",
  ")",
  "<",
  ">",
  "<!--",
  "-->",
  "<b>",
  "</details>",
  "<script>",
  "&",
  "&amp;",
  "&#124;",
  "@team",
  "@",
  "#12",
  "#",
  "GH-7",
  "gh-7",
  "http://x.y",
  "https://",
  "www.x.y",
  "a@b.com",
  "$",
  "$$",
  "\n",
  "\r\n",
  "\t",
  "\u2028",
  "\u202e",
  "\u200b",
  "\u200d",
  "\u0000",
  "\u001b[31m",
  "\u001b]0;t\u0007",
  "\u009b2J",
  "\ud800",
  "- ",
  "+ ",
  "1. ",
  "2) ",
  "===",
  "---",
  "e\u0301\u0301\u0301\u0301\u0301\u0301",
  "a",
  "b1",
  " ",
  "  ",
  "log_loss",
  "snake_",
  "_x_",
  ":tada:",
  "日本",
  "🙂",
  "!",
  "![",
];
const hostile = fc.oneof(
  fc.array(fc.constantFrom(...bits), { maxLength: 14 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 60 }),
);

/** Cells of a row as cmark-gfm splits them: a backslash takes the next character with it. */
function cellsOfCmark(row: string): readonly string[] {
  return (
    (row.match(/^\|((?:\\.|[^|\\]|\\(?=$))*\|)+$/su) === null
      ? []
      : row
          .slice(1, -1)
          .match(/(?:\\.|[^|])*(?:\||$)/gsu)
          ?.slice(0, -1)) ?? []
  );
}

/** Cells of a row as micromark splits them: a backslash guards only a pipe or a backslash. */
function pipesOfMicromark(row: string): number {
  let pipes = 0;
  for (let at = 0; at < row.length; at++) {
    if (row[at] === "\\" && (row[at + 1] === "|" || row[at + 1] === "\\")) at++;
    else if (row[at] === "|") pipes++;
  }
  return pipes;
}

/** Undoes references, escapes and the separators that keep the forge from linking. */
function shown(markdown: string): string {
  return markdown
    .replace(
      /\\([!-/:-@[-`{-~])|&(?:#(\d+)|(amp|lt|gt));/g,
      (_, escaped: string | undefined, code: string | undefined, name: string | undefined) =>
        escaped ??
        (code !== undefined ? String.fromCodePoint(Number(code)) : name === "amp" ? "&" : name === "lt" ? "<" : ">"),
    )
    .replaceAll("\u200b", "");
}

test("whatever the text, a row keeps its columns and its line", () => {
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1, maxLength: 4 }), (texts) => {
      for (const set of [markdownText, codeSpan]) {
        const table = markdownTable(
          texts.map(() => "h"),
          [texts.map((text) => set(text))],
        );
        const lines = table.split("\n");
        expect(lines).toHaveLength(3);
        expect(pipesOfMicromark(lines[2]!)).toBe(texts.length + 1);
        expect(cellsOfCmark(lines[2]!).length).toBe(lines[2]!.replace(/\\./gsu, "").split("|").length - 2);
        expect(lines[2]!.replace(/\\./gsu, "").split("|")).toHaveLength(texts.length + 2);
      }
    }),
    { numRuns: 500 },
  );
});

test("text shows exactly its characters and nothing in it is markup", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const markdown = markdownText(text);
      expect(shown(markdown)).toBe(safeLine(text));
      const bare = markdown.replace(/\\[!-/:-@[-`{-~]/g, "").replace(/&(?:#\d+|amp|lt|gt);/g, "\u200b");
      expect(bare).not.toMatch(/[\\`*~[\]<>&|$]/);
      expect(bare).not.toMatch(/@[^\u200b]|#[^\u200b]|:\/|www\./iu);
      expect(markdown).not.toMatch(/^[-+=#]|^\d{1,9}[.)](?:\s|$)/u);
      expect(bare).not.toMatch(/gh-\d/i);
      expect(bare).not.toMatch(/(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])/);
      expect(bare).not.toMatch(/[\n\r]/);
    }),
    { numRuns: 1000 },
  );
});

test("escaping twice shows the first escape", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const once = markdownText(text, 40);
      expect(shown(markdownText(once, 10_000))).toBe(safeLine(once, 10_000));
    }),
  );
});

/** What a code span shows, or why it is none. */
function shownCode(span: string): string {
  const element = /^<code>(.*)<\/code>$/su.exec(span)?.[1];
  if (element !== undefined)
    return /[!-/:-@[-`{-~]/.test(element.replace(/&#\d+;/g, "")) ? "not escaped" : shown(element);
  const fence = /^`+/.exec(span)?.[0] ?? "";
  const inner = span.slice(fence.length, -fence.length);
  if (fence === "" || !span.endsWith(fence) || inner.startsWith("`") || inner.endsWith("`")) return "no fence";
  if (/[|\\]/.test(inner)) return "splits a row";
  return new Set<string>(inner.match(/`+/g)).has(fence) ? "ends early" : inner.trim();
}

test("a code span holds its text and ends where it ends", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(shownCode(codeSpan(text))).toBe(safeLine(text).trim());
    }),
    { numRuns: 1000 },
  );
});

test("nothing in a log closes its block", () => {
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 6 }), (lines) => {
      const block = codeBlock(lines).split("\n");
      const fence = block[0] ?? "";
      expect(fence).toMatch(/^`{3,}$/);
      expect(block.at(-1)).toBe(fence);
      for (const line of block.slice(1, -1)) expect(line.includes(fence)).toBe(false);
    }),
  );
});

test("a line is one line, visible and bounded", () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: 1, max: 30 }), (text, max) => {
      const line = safeLine(text, max);
      expect([...line].length).toBeLessThanOrEqual(max);
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(safeLine(line, max)).toBe(line);
    }),
    { numRuns: 500 },
  );
});

test("hostile names and messages leave a comment's structure as it is", () => {
  const plain = (name: string, message: string): string =>
    planMarkdown(
      [
        {
          ...changedDigits,
          name,
          order: workOrder(name, [workStep(name)]),
          forecast: {
            steps: [
              {
                step: name,
                verdict: {
                  kind: "run",
                  key: digestOf("k"),
                  cause: {
                    kind: "changed",
                    changes: [
                      { kind: "parameter", name: message, from: message, to: `${message}!` },
                      { kind: "input", path: message, change: "changed" },
                    ],
                  },
                },
                time: null,
              },
            ],
            removed: [message],
          },
          problems: [
            { severity: "warning", code: "x", at: { path: name, line: 1, column: 1 }, message, next: message },
          ],
          policies: [{ name: message, outcome: "warned", message }],
        },
      ],
      {
        shortId: fourCharacters,
        slots: 1,
        frame: () => [message],
        pullRequest: { head: "a1b2c3d", base: "4e5f6a7", branch: name, revision: 1 },
      },
    );
  const structure = (comment: string): readonly string[] =>
    comment.split("\n").flatMap((line) => {
      const cells = line.startsWith("|") ? `row ${pipesOfMicromark(line)}` : "";
      const tag = /<(?!code>|\/code>)\/?\w+/.exec(line.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/g, ""))?.[0];
      return cells === "" && tag === undefined && !line.startsWith("#") && !line.startsWith("**Next")
        ? []
        : [cells || tag || line.slice(0, 4)];
    });
  const expected = structure(plain("name", "message"));
  expect(expected.length).toBeGreaterThan(10);
  fc.assert(
    fc.property(hostile, hostile, (name, message) => {
      // A code frame is a fenced block of its own, held by the law above.
      const strip = (comment: string): string => comment.replace(/\n(`{3,})[^`\n]*\n[\s\S]*?\n\1(?=\n)/g, "");
      expect(structure(strip(plain(name, message)))).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

test("reports never throw and never send a control character to a terminal", () => {
  fc.assert(
    fc.property(hostile, fc.array(hostile, { maxLength: 4 }), (text, lines) => {
      const failed = {
        run: run("r8x2"),
        pipeline: text,
        failed: [
          {
            step: text,
            failure: { kind: "refused", why: text, next: text } as const,
            afterMs: 1,
            attempts: 1,
            tail: lines,
            nearMiss: { path: text, step: text, inputs: lines },
            declared: null,
          },
          ...[[], [text]].map((read) => ({
            step: text,
            failure: { kind: "undeclared-write" as const, paths: [text] },
            afterMs: 1,
            attempts: 1,
            tail: lines,
            nearMiss: null,
            declared: { read, outputs: lines, closed: true },
          })),
        ],
        gates: [{ step: text, failure: { kind: "gate" as const, metric: text, value: text, gate: text } }],
        kept: lines,
        notStarted: lines.map((step) => ({ step, because: text })),
        cancelled: lines,
      };
      const options = { paint: noPaint, shortId: fourCharacters };
      const plan = planText(
        [
          {
            ...changedDigits,
            name: text,
            order: workOrder(text, [workStep(text)]),
            forecast: { steps: [], removed: lines },
          },
        ],
        { ...options, slots: 1, rows: 5, frame: () => "" },
      );
      for (const report of [failureText(failed, options), failureMarkdown(failed, options), plan]) {
        expect(report.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }
    }),
    { numRuns: 300 },
  );
});

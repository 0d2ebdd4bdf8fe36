import fc from "fast-check";
import { expect, test } from "vitest";

import { codeSpan, markdownText } from "../../src/report/escape-markdown.ts";
import { safeLine } from "../../src/report/safe-text.ts";
import { inlineHtml } from "../../src/twin/inline.ts";
import { markdownHtml } from "../../src/twin/markdown.ts";

/** What a reader sees of HTML without markup of its own. */
function seen(html: string): string {
  return html
    .replace(/<\/?code>/g, "")
    .replace(/&#8203;/g, "")
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
}

const hostile = fc.string({ unit: fc.constantFrom(..."ab `*_~|\\<>&#;-!\"'[](){}@/"), maxLength: 30 });

test("what the reports escaped shows its own characters", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const line = safeLine(text, 200);
      expect(seen(inlineHtml(markdownText(text)))).toBe(line);
      if (line.trim() !== "") expect(seen(inlineHtml(codeSpan(text)))).toBe(line);
    }),
  );
});

test("whatever a comment holds, only named elements come out of it, and each is closed", () => {
  const lines = fc.array(
    fc.oneof(
      hostile,
      fc.constantFrom(
        "<details><summary>x</summary>",
        "</details>",
        "<b>",
        "```",
        "````mermaid",
        "- a",
        "  - b",
        "|a|",
      ),
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(lines, (some) => {
      const open: string[] = [];
      for (const [, end, name = ""] of markdownHtml(some.join("\n")).matchAll(/<(\/?)([^\s>]*)[^>]*>/g)) {
        if (name === "br") continue;
        expect(name).toMatch(
          /^(p|h[3-6]|pre|code|figure|ul|ol|li|div|table|thead|tbody|tr|t[hd]|details|summary|blockquote|b|i|sub)$/,
        );
        if (end === "") open.push(name);
        else expect(open.pop()).toBe(name);
      }
      expect(open).toEqual([]);
    }),
  );
});

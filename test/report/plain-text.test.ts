import fc from "fast-check";
import { expect, test } from "vitest";

import { ownWords } from "../../src/report/cause.ts";
import { markdownText } from "../../src/report/escape-markdown.ts";
import { answersIn, plainText } from "../../src/report/plain-text.ts";
import { safeLine } from "../../src/report/safe-text.ts";
import { answerLines, STICKY_MARKER } from "../../src/report/sticky-comment.ts";
import { markdownVoice } from "../../src/report/voice.ts";

test("what was escaped for Markdown reads as it was", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: "grapheme" })), (text) => {
      expect(plainText(markdownText(text))).toBe(safeLine(text));
    }),
  );
  expect(plainText("&#9999999999; &nosuch; &constructor; \\q &amp;lt;")).toBe(
    "&#9999999999; &nosuch; &constructor; \\q &lt;",
  );
});

test("answers are found in the comment that holds them, and nothing else is one", () => {
  const words = "there is no environment `prod`: ask @alice, or a_b <c>";
  const body = [STICKY_MARKER, ...answerLines(["one", words]), "### Sluice: 1 step runs"].join("\n\n");
  expect(answersIn(body)).toEqual(["one", words]);
  expect(answersIn(`> ${ownWords(words, markdownVoice)}\r\n>not one\nneither > this`)).toHaveLength(1);
});

import { codeSpan, markdownText } from "./escape-markdown.ts";
import { noPaint, type Paint } from "./paint.ts";
import { safeLine } from "./safe-text.ts";

/** How words from outside are set, so that one sentence serves terminals and Markdown. */
export interface Voice {
  readonly text: (text: string) => string;
  /** Names, paths and commands. */
  readonly code: (text: string) => string;
  /** What the eye should find: a new value. */
  readonly strong: (text: string) => string;
}

export function terminalVoice(paint: Paint = noPaint): Voice {
  const line = (text: string): string => safeLine(text);
  return { text: line, code: line, strong: (text) => paint.strong(safeLine(text)) };
}

/** For a sentence that is set anew later (`ownWords`): backticks mark code. */
export const ownVoice: Voice = {
  text: (text) => text.replaceAll("`", "'"),
  code: (text) => `\`${text.replaceAll("`", "'")}\``,
  strong: (text) => text.replaceAll("`", "'"),
};

export const markdownVoice: Voice = {
  text: (text) => markdownText(text),
  code: (text) => codeSpan(text),
  strong: (text) => `**${markdownText(text)}**`,
};

import { safeLine } from "./safe-text.ts";

/** One line as Mermaid's own references (`#35;`): nothing in it can end its quotes, its line or the fence around it. */
export function mermaidText(text: string, length: number): string {
  return safeLine(text, length).replace(/[!-'*+;-@[-^`{-~]/g, (character) => `#${character.charCodeAt(0)};`);
}

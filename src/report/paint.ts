/** Colours for a terminal, handed in by whoever knows whether there is one. */
export interface Paint {
  readonly strong: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly accent: (text: string) => string;
}

const same = (text: string): string => text;

/** No colours: what pipes, files and `NO_COLOR` get. */
export const noPaint: Paint = { strong: same, dim: same, good: same, bad: same, warn: same, accent: same };

const ESC = String.fromCharCode(27);

function sgr(on: number, off: number): (text: string) => string {
  return (text) => (text === "" ? "" : `${ESC}[${on}m${text}${ESC}[${off}m`);
}

/** The sixteen colours that every terminal has, so that the reader's own theme decides. */
export const ansiPaint: Paint = {
  strong: sgr(1, 22),
  dim: sgr(2, 22),
  good: sgr(32, 39),
  bad: sgr(31, 39),
  warn: sgr(33, 39),
  accent: sgr(36, 39),
};

/** A comment of GitHub holds 65,536 characters; the rest is for markers and other sections. */
const CHARACTERS = 55_000;

/** The first text that fits into a comment, from the fullest to the shortest; the last one in any case. */
export function withinBudget(variants: readonly (() => string)[], budget = CHARACTERS): string {
  let text = "";
  for (const variant of variants) {
    text = variant();
    if (text.length <= budget) return text;
  }
  return text;
}

import type { Answer } from "./forge.ts";

/** Lists are read to their end, a hundred at a time; more than this many pages is nobody's repository. */
const PAGES = 50;

/** A whole list, page by page. */
export async function pages<Item>(
  read: (page: number) => Promise<Answer<readonly Item[]>>,
): Promise<Answer<readonly Item[]>> {
  const all: Item[] = [];
  for (let page = 1; page <= PAGES; page++) {
    const answer = await read(page);
    if (answer.kind !== "ok") return answer;
    all.push(...answer.value);
    if (answer.value.length < 100) break;
  }
  return { kind: "ok", value: all };
}

/** The same answer about something else. */
export function map<From, To>(answer: Answer<From>, change: (value: From) => To): Answer<To> {
  return answer.kind === "ok" ? { kind: "ok", value: change(answer.value) } : answer;
}

import { hasTrailers, parseTrailers, type Trailer } from "./commit-message.ts";

/** What the trailers of a commit say otherwise than the record that it brings, a sentence each; `record` names that. */
export function trailerFaults(message: string, trailers: readonly Trailer[], record: string): readonly string[] {
  if (hasTrailers(message, trailers)) return [];
  const expected = new Map<string, string[]>();
  for (const [key, value] of trailers) expected.set(key, [...(expected.get(key) ?? []), value]);
  const found = parseTrailers(message);
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((key): readonly string[] => {
    const [wanted, there] = [expected.get(key) ?? [], found.get(key) ?? []];
    if (wanted.length === there.length && wanted.every((value, at) => value === there[at])) return [];
    const words = there.length === 0 ? "is missing" : `says ${there.join(", ")}`;
    return [
      `the commit's ${key} ${words}, ${record} ${wanted.length === 0 ? "has none" : `gives ${wanted.join(", ")}`}`,
    ];
  });
}

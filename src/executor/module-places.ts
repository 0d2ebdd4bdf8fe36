/** Where a package lies, and its name there. */
const PLACE = /^(?:(.+)\/)?node_modules\/((?:@[^/]+\/)?[^/]+)$/;

/** Finds packages from others' places, as Node does. */
export interface ModulePlaces {
  /** Names of those that this place needs and that have no place, and where the others are. */
  find(from: string, names: readonly string[]): { readonly at: readonly string[]; readonly missing: readonly string[] };
}

/** Undefined: no package lies there. `above`: the place of the package below which it lies; empty: the project. */
export function placeOfModule(place: string): { readonly above: string; readonly name: string } | undefined {
  const [, above = "", name] = PLACE.exec(place) ?? [];
  return name === undefined ? undefined : { above, name };
}

/** By name, so that what lies deep costs no text for each place above it. */
export function modulePlaces(places: Iterable<string>): ModulePlaces {
  const holders = new Map<string, Set<string>>();
  for (const place of places) {
    const one = placeOfModule(place);
    if (one === undefined) continue;
    const found = holders.get(one.name) ?? new Set();
    holders.set(one.name, found.add(one.above));
  }
  return {
    find(from, names) {
      const at: string[] = [];
      const missing: string[] = [];
      const line = names.length === 0 ? [] : lineOf(from);
      for (const name of names) {
        const those = holders.get(name);
        const holder = those === undefined ? undefined : line.find((place) => those.has(place));
        if (holder === undefined) missing.push(name);
        else at.push(below(holder, name));
      }
      return { at, missing };
    },
  };
}

/** Below it, or below one above it, or the project. */
function lineOf(from: string): readonly string[] {
  const line: string[] = [];
  for (let at = from; at !== ""; at = placeOfModule(at)?.above ?? "") line.push(at);
  return [...line, ""];
}

function below(place: string, name: string): string {
  return place === "" ? `node_modules/${name}` : `${place}/node_modules/${name}`;
}

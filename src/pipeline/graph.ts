interface Node {
  readonly step: { readonly name: string };
  readonly after: readonly string[];
}

/**
 * Kahn's algorithm; among steps that could come next the smallest name by code unit does.
 * Steps on a cycle, and what hangs on them, are left out and each cycle is told once.
 */
export function sortTopologically<Item extends Node>(
  items: readonly Item[],
  onCycle: (cycle: readonly string[]) => void,
): readonly Item[] {
  const byName = new Map(items.map((item) => [item.step.name, item]));
  const waiting = new Map<string, number>();
  const followers = new Map<string, string[]>();
  let level: string[] = [];
  for (const { step, after } of items) {
    const known = after.filter((name) => byName.has(name));
    waiting.set(step.name, known.length);
    if (known.length === 0) level.push(step.name);
    for (const name of known) {
      const list = followers.get(name);
      if (list === undefined) followers.set(name, [step.name]);
      else list.push(step.name);
    }
  }
  const sorted: Item[] = [];
  while (level.length > 0) {
    const next: string[] = [];
    for (const name of level.sort()) {
      const item = byName.get(name);
      if (item !== undefined) sorted.push(item);
      for (const follower of followers.get(name) ?? []) {
        const left = (waiting.get(follower) ?? 0) - 1;
        waiting.set(follower, left);
        if (left === 0) next.push(follower);
      }
    }
    level = next;
  }
  if (sorted.length < items.length)
    tellCycles(
      items.filter((item) => (waiting.get(item.step.name) ?? 0) > 0),
      onCycle,
    );
  return sorted;
}

function tellCycles(stuck: readonly Node[], onCycle: (cycle: readonly string[]) => void): void {
  const byName = new Map(stuck.map((node) => [node.step.name, node]));
  const told = new Set<string>();
  for (const start of stuck) {
    const path: string[] = [];
    let name: string | undefined = start.step.name;
    while (name !== undefined && !told.has(name) && !path.includes(name)) {
      path.push(name);
      name = byName.get(name)?.after.find((before) => byName.has(before));
    }
    if (name !== undefined && path.includes(name)) onCycle(path.slice(path.indexOf(name)).reverse());
    for (const one of path) told.add(one);
  }
}

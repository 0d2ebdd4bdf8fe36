/** The same value with the members of all objects in code-unit order, so that equal values render to equal bytes. */
export function inOrder<Value>(value: Value): Value {
  // Only the order of members changes, which no type can see.
  return ordered(value) as Value;
}

/** Most values are in order already and are taken as they are. */
function ordered(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(ordered);
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  const entries = Object.entries(value);
  let same = true;
  let before = "";
  for (const entry of entries) {
    const [name, member] = entry;
    if (name < before) same = false;
    before = name;
    entry[1] = ordered(member);
    if (entry[1] !== member) same = false;
  }
  if (same) return value;
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

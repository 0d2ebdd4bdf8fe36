/** The same value with the members of all objects in code-unit order, so that equal values render to equal bytes. */
export function inOrder<Value>(value: Value): Value {
  // Only the order of members changes, which no type can see.
  return ordered(value) as Value;
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, member]) => [name, ordered(member)]),
  );
}

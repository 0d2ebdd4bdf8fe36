/** Whether a ref is what a pattern of the remote asks for (`*` reaches across slashes); the remote lists more: whatever ends like it. */
export function matches(pattern: string, ref: string): boolean {
  const [start = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return ref === pattern;
  const end = rest.join("*");
  return ref.length >= start.length + end.length && ref.startsWith(start) && ref.endsWith(end);
}

/** Refs that cannot be beside the wanted ones: git has no `release` beside `release/1.0`. */
export function inTheWay(refs: Iterable<string>, wanted: readonly string[]): readonly string[] {
  const names = new Set(wanted);
  const above = new Set(wanted.flatMap(ancestors));
  return [...refs].filter((ref) => above.has(ref) || ancestors(ref).some((one) => names.has(one)));
}

function ancestors(ref: string): readonly string[] {
  const parts = ref.split("/");
  return parts.slice(1).map((_, nth) => parts.slice(0, nth + 1).join("/"));
}

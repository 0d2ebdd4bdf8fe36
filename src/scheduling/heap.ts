/** Values of which the first by an order is always at hand; O(log n) a change. */
export interface Heap<Value> {
  readonly size: number;
  push(value: Value): void;
  first(): Value | undefined;
  /** Removes and returns the first. */
  pop(): Value | undefined;
}

/** A binary heap; `order` is negative where its first argument comes first. */
export function heapOf<Value>(order: (a: Value, b: Value) => number): Heap<Value> {
  const values: Value[] = [];

  /** Exchanges a value with the one above it where it comes first; false where it does not, or where one is not there. */
  function rise(child: number, parent: number): boolean {
    const [a, b] = [values[child], values[parent]];
    if (a === undefined || b === undefined || order(a, b) >= 0) return false;
    values[child] = b;
    values[parent] = a;
    return true;
  }

  /** The child of a value that comes first of both, if it has any. */
  function firstBelow(parent: number): number {
    const left = 2 * parent + 1;
    const [a, b] = [values[left], values[left + 1]];
    return a !== undefined && b !== undefined && order(b, a) < 0 ? left + 1 : left;
  }

  return {
    get size() {
      return values.length;
    },
    push(value) {
      let at = values.length;
      values.push(value);
      for (let above = parentOf(at); rise(at, above); above = parentOf(at)) at = above;
    },
    first: () => values[0],
    pop() {
      const [first] = values;
      const last = values.pop();
      if (last === undefined || values.length === 0) return last;
      values[0] = last;
      let at = 0;
      for (let below = firstBelow(at); rise(below, at); below = firstBelow(at)) at = below;
      return first;
    },
  };
}

function parentOf(at: number): number {
  return (at - 1) >> 1;
}

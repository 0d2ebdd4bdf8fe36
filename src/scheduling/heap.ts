/** Values of which the first by an order is always at hand; O(log n) a change. */
export interface Heap<Value> {
  readonly size: number;
  push(value: Value): void;
  first(): Value | undefined;
  /** Removes and returns the first. */
  pop(): Value | undefined;
  /** Removes and returns everything, in no order. */
  clear(): Value[];
}

/** A binary heap; `order` is negative where its first argument comes first. */
export function heapOf<Value>(order: (a: Value, b: Value) => number): Heap<Value> {
  const values: Value[] = [];

  function swapIfLess(child: number, parent: number): boolean {
    const [a, b] = [values[child], values[parent]];
    if (a === undefined || b === undefined || order(a, b) >= 0) return false;
    values[child] = b;
    values[parent] = a;
    return true;
  }

  function less(a: number, b: number): boolean {
    const [x, y] = [values[a], values[b]];
    return x !== undefined && y !== undefined && order(x, y) < 0;
  }

  function sink(): void {
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      const child = right < values.length && less(right, left) ? right : left;
      if (child >= values.length || !swapIfLess(child, parent)) return;
      parent = child;
    }
  }

  return {
    get size() {
      return values.length;
    },
    push(value) {
      let child = values.length;
      values.push(value);
      while (child > 0) {
        const parent = (child - 1) >> 1;
        if (!swapIfLess(child, parent)) return;
        child = parent;
      }
    },
    first: () => values[0],
    pop() {
      const [first] = values;
      const last = values.pop();
      if (first === undefined || last === undefined || values.length === 0) return first;
      values[0] = last;
      sink();
      return first;
    },
    clear: () => values.splice(0),
  };
}

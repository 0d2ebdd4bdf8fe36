/**
 * Collects what is asked for in one turn of the event loop and asks it at once; everybody gets the answers to their
 * own items, in their order. One batch is under way at a time: what arrives meanwhile makes the next one.
 */
export function turnAnswers<Item, Answer>(
  ask: (items: readonly Item[]) => Promise<readonly Answer[]>,
): (items: readonly Item[]) => Promise<readonly Answer[]> {
  let next: { items: Item[]; readonly done: Promise<readonly Answer[]> } | undefined;
  let current: Promise<unknown> = Promise.resolve();
  return async (items) => {
    if (next === undefined) {
      const batch: { items: Item[]; readonly done: Promise<readonly Answer[]> } = {
        items: [],
        done: current.then(
          () =>
            new Promise((resolve, reject) => {
              setImmediate(() => {
                next = undefined;
                ask(batch.items).then(resolve, reject);
              });
            }),
        ),
      };
      next = batch;
      current = batch.done.catch(() => undefined);
    }
    const from = next.items.push(...items) - items.length;
    return (await next.done).slice(from, from + items.length);
  };
}

/** The same for what has no answer: every asker waits for the whole. */
export function turnBatch<Item>(
  act: (items: readonly Item[]) => Promise<void>,
): (items: readonly Item[]) => Promise<void> {
  const together = turnAnswers<Item, never>(async (items) => {
    await act(items);
    return [];
  });
  return async (items) => void (await together(items));
}

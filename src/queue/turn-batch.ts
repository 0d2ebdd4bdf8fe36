/**
 * Collects what is asked for in one turn of the event loop and does it at once; every asker waits for the whole.
 * One batch is under way at a time: what arrives meanwhile makes the next one.
 */
export function turnBatch<Item>(
  act: (items: readonly Item[]) => Promise<void>,
): (items: readonly Item[]) => Promise<void> {
  let next: { items: Item[]; readonly done: Promise<void> } | undefined;
  let current: Promise<unknown> = Promise.resolve();
  return (items) => {
    if (next === undefined) {
      const batch: { items: Item[]; readonly done: Promise<void> } = {
        items: [],
        done: current.then(
          () =>
            new Promise<void>((resolve, reject) => {
              setImmediate(() => {
                next = undefined;
                act(batch.items).then(resolve, reject);
              });
            }),
        ),
      };
      next = batch;
      current = batch.done.catch(() => undefined);
    }
    next.items.push(...items);
    return next.done;
  };
}

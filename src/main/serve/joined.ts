/** Does work that many may want at once: whoever comes before it has begun waits for it, since it sees all they would. */
export type Joined<Value> = (name: string, work: (begun: () => void) => Promise<Value>) => Promise<Value>;

export function joined<Value>(): Joined<Value> {
  const waiting = new Map<string, Promise<Value>>();
  return (name, work) => {
    const there = waiting.get(name);
    if (there !== undefined) return there;
    const begun = (): void => void (waiting.get(name) === mine && waiting.delete(name));
    const mine = Promise.resolve().then(() => work(begun));
    waiting.set(name, mine);
    mine.then(begun, begun);
    return mine;
  };
}

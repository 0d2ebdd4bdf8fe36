/** Does work under one name after the other, in the order in which it was asked for. */
export type InTurn = <Value>(name: string, work: () => Promise<Value>) => Promise<Value>;

export function turns(): InTurn {
  const last = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const before = last.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    last.set(name, mine);
    const ended = (): void => void (last.get(name) === mine && last.delete(name));
    mine.then(ended, ended);
    return mine;
  };
}

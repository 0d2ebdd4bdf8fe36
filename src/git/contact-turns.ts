/** Whose turn it is to speak with a remote. */
export interface ContactTurns<Answer> {
  /** What is to be written goes before what is only asked, of which one comes after each write. */
  readonly write: <Value>(work: () => Promise<Value>) => Promise<Value>;
  /** What somebody waits to ask already is asked once for both. */
  readonly ask: (question: string, work: () => Promise<Answer>) => Promise<Answer>;
}

/** One contact at a time: two fetches of one ref would wait for each other's lock, and lose. */
export function contactTurns<Answer>(): ContactTurns<Answer> {
  const writes: (() => Promise<void>)[] = [];
  const questions: (() => Promise<void>)[] = [];
  const waiting = new Map<string, Promise<Answer>>();
  let busy = false;
  let wrote = false;

  async function go(): Promise<void> {
    if (busy) return;
    busy = true;
    for (let turn = next(); turn !== undefined; turn = next()) await turn();
    busy = false;
  }

  function next(): (() => Promise<void>) | undefined {
    const asks = questions.length > 0 && (wrote || writes.length === 0);
    const turn = (asks ? questions : writes).shift();
    wrote = turn !== undefined && !asks;
    return turn;
  }

  function wait<Value>(list: (() => Promise<void>)[], work: () => Promise<Value>): Promise<Value> {
    const { promise, resolve } = Promise.withResolvers<Value>();
    list.push(async () => {
      // Work that throws before it gives a promise ends its own turn, not everybody's.
      const done = (async () => work())();
      resolve(done);
      await done.catch(() => undefined);
    });
    // Not at once: whoever asks the same in this moment is served by it too.
    queueMicrotask(() => void go());
    return promise;
  }

  return {
    write: (work) => wait(writes, work),
    ask(question, work) {
      const known = waiting.get(question);
      if (known !== undefined) return known;
      const asked = wait(questions, () => {
        // Whoever asks from now on wants to know what was so later.
        waiting.delete(question);
        return work();
      });
      waiting.set(question, asked);
      return asked;
    },
  };
}

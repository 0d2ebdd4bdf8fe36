/** Whose turn it is to speak with a remote. */
export interface ContactTurns<Answer> {
  /** What is to be written goes before what is only asked, of which one comes after each write. */
  readonly write: <Value>(work: () => Promise<Value>) => Promise<Value>;
  /** Whatever is waited to be asked by then is asked at once: `work` is given the words of everybody who waits. */
  readonly ask: (words: readonly string[], work: Asking<Answer>) => Promise<Asked<Answer>>;
  /** Asks beside nobody else. */
  readonly alone: (work: () => Promise<Answer>) => Promise<Answer>;
}

type Asking<Answer> = (words: readonly string[]) => Promise<Answer>;

/** One answer to several who asked at once, and the words of all of them. */
export interface Asked<Answer> {
  readonly words: readonly string[];
  readonly answer: Answer;
}

/** One contact at a time: two fetches of one ref would wait for each other's lock, and lose. */
export function contactTurns<Answer>(): ContactTurns<Answer> {
  const writes: (() => Promise<void>)[] = [];
  const questions: (() => Promise<void>)[] = [];
  let waiting: { readonly words: Set<string>; readonly asked: Promise<Asked<Answer>> } | undefined;
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
    // Not at once: whoever asks in this moment is served by it too.
    queueMicrotask(() => void go());
    return promise;
  }

  return {
    write: (work) => wait(writes, work),
    ask(words, work) {
      if (waiting !== undefined) {
        for (const word of words) waiting.words.add(word);
        return waiting.asked;
      }
      const together = new Set(words);
      const asked = wait(questions, async () => {
        // Whoever asks from now on wants to know what was so later.
        waiting = undefined;
        const all = [...together];
        return { words: all, answer: await work(all) };
      });
      waiting = { words: together, asked };
      return asked;
    },
    alone: (work) => wait(questions, work),
  };
}

import type { Json } from "../identity/canonical-json.ts";

export interface Message {
  readonly id: string;
  readonly body: Json;
}

/** What a backend holds of a topic beyond a place in it. */
export interface Unread {
  readonly messages: readonly Message[];
  /** Where to read on from: everything before it has been read, whatever is still being written. */
  readonly place: string;
  readonly topic: string;
}

/** Reads topics, each from its place (`""` is the beginning); may repeat messages, never leaves one out. */
export type ReadTopics = (
  from: readonly { readonly topic: string; readonly place: string }[],
) => Promise<readonly Unread[]>;

interface Subscription {
  readonly topic: string;
  readonly take: (message: Message) => void;
  readonly seen: Set<string>;
  place: string;
  stale: boolean;
}

/** Messages of subscribed topics, once each: read when the backend says that there are some, and every second anyway. */
export interface TopicFeed {
  subscribe(topic: string, take: (message: Message) => void): Promise<{ close(): Promise<void> }>;
  /** The topic has new messages. */
  wake(topic: string): void;
  /** Messages may have been announced while nobody listened: reads everything again, from the beginning. */
  restart(): void;
  close(): Promise<void>;
}

const LOOK_EVERY_MS = 1000;

export function topicFeed(read: ReadTopics, onError: (error: unknown) => void): TopicFeed {
  const subscriptions = new Set<Subscription>();
  let reading: Promise<void> | undefined;
  let closed = false;
  const timer = setInterval(() => {
    for (const subscription of subscriptions) subscription.stale = true;
    void look();
  }, LOOK_EVERY_MS).unref();

  function look(): Promise<void> {
    return (reading ??= readStale().finally(() => {
      reading = undefined;
    }));
  }

  async function readStale(): Promise<void> {
    // Let those who say "stale" in this turn be served by one read.
    await Promise.resolve();
    for (;;) {
      const stale = [...subscriptions].filter((subscription) => subscription.stale);
      if (stale.length === 0 || closed) return;
      for (const subscription of stale) subscription.stale = false;
      try {
        await serve(stale);
      } catch (error) {
        // The next second tries again.
        if (!closed) onError(error);
        return;
      }
    }
  }

  async function serve(stale: readonly Subscription[]): Promise<void> {
    const places = new Map(stale.map((subscription) => [subscription, subscription.place]));
    const wanted = new Map<string, { readonly topic: string; readonly place: string }>();
    for (const { topic, place } of stale) wanted.set(`${place}\n${topic}`, { topic, place });
    for (const [key, unread] of byRequest([...wanted.keys()], await read([...wanted.values()]))) {
      for (const subscription of stale) {
        if (`${places.get(subscription) ?? ""}\n${subscription.topic}` !== key) continue;
        if (subscriptions.has(subscription)) deliver(subscription, unread, places.get(subscription) ?? "");
      }
    }
  }

  function deliver(subscription: Subscription, unread: Unread, from: string): void {
    for (const message of unread.messages) {
      if (subscription.seen.has(message.id)) continue;
      subscription.seen.add(message.id);
      try {
        subscription.take(message);
      } catch (error) {
        onError(error);
      }
    }
    // Unless it was put back to the beginning meanwhile.
    if (subscription.place === from) subscription.place = unread.place;
  }

  return {
    async subscribe(topic, take) {
      const subscription: Subscription = { topic, take, seen: new Set(), place: "", stale: true };
      subscriptions.add(subscription);
      await look();
      return {
        close() {
          subscriptions.delete(subscription);
          return Promise.resolve();
        },
      };
    },
    wake(topic) {
      for (const subscription of subscriptions) if (subscription.topic === topic) subscription.stale = true;
      void look();
    },
    restart() {
      for (const subscription of subscriptions) {
        subscription.place = "";
        subscription.stale = true;
      }
      void look();
    },
    async close() {
      closed = true;
      clearInterval(timer);
      subscriptions.clear();
      await reading;
    },
  };
}

/** Answers come in the order of what was asked for. */
function byRequest(keys: readonly string[], answers: readonly Unread[]): readonly (readonly [string, Unread])[] {
  return keys.flatMap((key, at) => {
    const answer = answers[at];
    return answer === undefined ? [] : [[key, answer] as const];
  });
}

import type { Redis } from "ioredis";

import type { Json } from "../identity/canonical-json.ts";
import type { Bus } from "./queue.ts";
import { topicFeed, type Message, type ReadTopics } from "./topic-feed.ts";
import { turnBatch } from "./turn-batch.ts";

const CHANNEL = "sluice:bus";
const AT_ONCE = 500;

/** KEYS: the ids of a topic and its stream; ARGV: the topic, then id and body of each message. */
const PUBLISH = `local added = false
for at = 2, #ARGV, 2 do
  if redis.call("SADD", KEYS[1], ARGV[at]) == 1 then
    redis.call("XADD", KEYS[2], "*", "id", ARGV[at], "body", ARGV[at + 1])
    added = true
  end
end
if added then redis.call("PUBLISH", "${CHANNEL}", ARGV[1]) end
return 0`;

interface Written extends Message {
  readonly topic: string;
}

const ids = (topic: string): string => `sluice:bus-ids:${topic}`;
const stream = (topic: string): string => `sluice:bus:${topic}`;

/** Messages as streams beside sets of their ids; announced on a channel, and looked for every second besides. */
export async function redisBus(redis: Redis, onError: (error: unknown) => void): Promise<Bus & AsyncDisposable> {
  const feed = topicFeed(reader(redis), onError);
  const publish = turnBatch<Written>((messages) => write(redis, messages));
  const listener = redis.duplicate();
  listener.on("error", onError);
  listener.on("message", (_channel: string, topic: string) => feed.wake(topic));
  // After a broken connection ioredis subscribes again by itself; what was announced meanwhile is looked for.
  listener.on("ready", () => feed.restart());
  await listener.subscribe(CHANNEL);
  return {
    publish: (topic, messages) =>
      messages.length === 0 ? Promise.resolve() : publish(messages.map(({ id, body }) => ({ topic, id, body }))),
    subscribe: (topic, take) => feed.subscribe(topic, take),
    has: async (topic, id) => (await redis.sismember(ids(topic), id)) === 1,
    async drop(topic) {
      await redis.del(ids(topic), stream(topic));
    },
    async [Symbol.asyncDispose]() {
      await feed.close();
      listener.disconnect();
    },
  };
}

async function write(redis: Redis, messages: readonly Written[]): Promise<void> {
  const topics = Map.groupBy(messages, ({ topic }) => topic);
  const writing: Promise<unknown>[] = [];
  for (const [topic, all] of topics) {
    for (let at = 0; at < all.length; at += AT_ONCE) {
      const words = all.slice(at, at + AT_ONCE).flatMap(({ id, body }) => [id, JSON.stringify(body)]);
      writing.push(redis.eval(PUBLISH, 2, ids(topic), stream(topic), topic, ...words));
    }
  }
  await Promise.all(writing);
}

/** Redis writes one after the other: everything before the last entry read is older than it. */
function reader(redis: Redis): ReadTopics {
  return (from) =>
    Promise.all(
      from.map(async ({ topic, place }) => {
        const entries = await redis.xrange(stream(topic), place === "" ? "-" : `(${place}`, "+");
        return {
          topic,
          place: entries.at(-1)?.[0] ?? place,
          messages: entries.map(([, fields]) => ({
            id: fields[1] ?? "",
            body: JSON.parse(fields[3] ?? "null") as Json,
          })),
        };
      }),
    );
}

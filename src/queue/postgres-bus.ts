import { Client, type ClientConfig, type Pool } from "pg";

import { byUtf8, type Json } from "../identity/canonical-json.ts";
import type { Bus } from "./queue.ts";
import { topicFeed, type ReadTopics } from "./topic-feed.ts";
import { turnAnswers, turnBatch } from "./turn-batch.ts";

interface Named {
  readonly topic: string;
  readonly id: string;
}

interface Row extends Named {
  readonly body: string;
}

const CHANNEL = "sluice_bus";
const AT_ONCE = 1000;
const RECONNECT_MS = 250;

/** Messages as rows, announced by NOTIFY in the statement that writes them, and looked for every second besides. */
export async function postgresBus(
  pool: Pool,
  config: ClientConfig,
  onError: (error: unknown) => void,
): Promise<Bus & AsyncDisposable> {
  const feed = topicFeed(reader(pool), onError);
  const publish = turnBatch<Row>((rows) => write(pool, rows));
  const there = turnAnswers<Named, boolean>((messages) => which(pool, messages));
  const listener = await listen(config, {
    onTopic: (topic) => feed.wake(topic),
    onConnected: () => feed.restart(),
    onError,
  });
  return {
    publish: (topic, messages) =>
      messages.length === 0
        ? Promise.resolve()
        : publish(messages.map(({ id, body }) => ({ topic, id, body: JSON.stringify(body) }))),
    subscribe: (topic, take) => feed.subscribe(topic, take),
    async has(topic, id) {
      const [known] = await there([{ topic, id }]);
      return known === true;
    },
    async drop(topic) {
      await pool.query("delete from sluice.message where topic = $1", [topic]);
    },
    async [Symbol.asyncDispose]() {
      await feed.close();
      await listener.close();
    },
  };
}

/** Of each message, whether it was published. */
async function which(pool: Pool, messages: readonly Named[]): Promise<readonly boolean[]> {
  const { rows } = await pool.query<{ at: number }>(
    `select a.at::int from unnest($1::text[], $2::text[]) with ordinality as a (topic, id, at)
     join sluice.message m on m.topic = a.topic and m.id = a.id`,
    [messages.map(({ topic }) => topic), messages.map(({ id }) => id)],
  );
  const found = new Set(rows.map(({ at }) => at));
  return messages.map((_, at) => found.has(at + 1));
}

async function write(pool: Pool, rows: readonly Row[]): Promise<void> {
  // In one order everywhere: two writers of the same messages never wait for each other in a circle.
  const sorted = rows.toSorted((a, b) => byUtf8(a.topic, b.topic));
  for (let at = 0; at < sorted.length; at += AT_ONCE) {
    const some = sorted.slice(at, at + AT_ONCE);
    await pool.query(
      `with asked as (
         select * from unnest($1::text[], $2::text[], $3::text[]) with ordinality as a (topic, id, body, at)
       ), added as (
         insert into sluice.message (topic, id, body)
           select topic, id, body from asked order by topic collate "C", at
           on conflict do nothing returning topic
       )
       select pg_notify('${CHANNEL}', topic) from (select distinct topic from added) t`,
      [some.map((row) => row.topic), some.map((row) => row.id), some.map((row) => row.body)],
    );
  }
}

/**
 * Place = the oldest transaction that was under way at the last look. Whatever that look did not see was written by
 * this transaction or a later one, so nothing is left out, however late a writer commits: numbers of a sequence do not
 * have this property.
 */
function reader(pool: Pool): ReadTopics {
  return async (from) => {
    const { rows } = await pool.query<{ at: number; place: string; id: string | null; body: string | null }>(
      `select w.at::int as at, pg_snapshot_xmin(pg_current_snapshot())::text as place, m.id, m.body
       from unnest($1::text[], $2::text[]) with ordinality as w (topic, place, at)
       left join sluice.message m on m.topic = w.topic and m.written >= w.place::xid8
       order by w.at, m.place`,
      [from.map(({ topic }) => topic), from.map(({ place }) => (place === "" ? "0" : place))],
    );
    const answers = from.map(({ topic }) => ({
      topic,
      place: rows[0]?.place ?? "",
      messages: new Array<{ id: string; body: Json }>(),
    }));
    for (const { at, id, body } of rows) {
      if (id !== null && body !== null) answers[at - 1]?.messages.push({ id, body: JSON.parse(body) as Json });
    }
    return answers;
  };
}

interface Listening {
  readonly onTopic: (topic: string) => void;
  readonly onConnected: () => void;
  readonly onError: (error: unknown) => void;
}

/** A connection of its own that listens, made anew whenever it breaks. */
async function listen(config: ClientConfig, told: Listening): Promise<{ close(): Promise<void> }> {
  let client: Client | undefined;
  let again: NodeJS.Timeout | undefined;
  let closed = false;

  async function connect(): Promise<void> {
    const fresh = new Client({ ...config, keepAlive: true, keepAliveInitialDelayMillis: 10_000 });
    fresh.on("error", told.onError);
    fresh.on("notification", ({ payload }) => told.onTopic(payload ?? ""));
    await fresh.connect();
    fresh.on("end", later);
    await fresh.query(`listen ${CHANNEL}`);
    client = fresh;
    told.onConnected();
  }

  function later(): void {
    if (!closed) again = setTimeout(() => void reconnect(), RECONNECT_MS).unref();
  }

  async function reconnect(): Promise<void> {
    try {
      await connect();
    } catch (error) {
      told.onError(error);
      later();
    }
  }

  await connect();
  return {
    async close() {
      closed = true;
      clearTimeout(again);
      await client?.end().catch(() => undefined);
    },
  };
}

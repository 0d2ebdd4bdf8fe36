import type { Json } from "../identity/canonical-json.ts";
import type { QueuedStep } from "../scheduling/queued-step.ts";

/** What a coordinator says to the holder of a pool's backlog. */
export interface TurnsMessage {
  readonly submit: readonly QueuedStep[];
  /** Had their turn from the holder before, and have not ended. */
  readonly running: readonly QueuedStep[];
  readonly withdraw: readonly string[];
  readonly ended: readonly string[];
}

/** The same from another process: meant for one holder, because the next one begins with nothing. */
export interface AddressedTurns extends TurnsMessage {
  readonly fence: number;
  readonly session: string;
  /** It is the last one: the session is over. */
  readonly closed: boolean;
}

/** Where grants of a session are published while the backlog is in another process. */
export function turnsTopic(session: string): string {
  return `turns.${session}`;
}

/** Published where grants are: the holder has given the session up by mistake, and asks for all that it waits for. */
export const SAY_AGAIN = true;

/** The queue in which sessions of other processes speak to the holder of a pool's backlog. */
export function turnsQueue(pool: string): string {
  return `turns-${pool}`;
}

export function parseTurns(payload: Json): AddressedTurns | undefined {
  const message = payload as unknown as Partial<AddressedTurns> | null;
  if (typeof message?.fence !== "number" || typeof message.session !== "string") return undefined;
  const { fence, session, submit = [], running = [], withdraw = [], ended = [], closed = false } = message;
  return { fence, session, submit, running, withdraw, ended, closed };
}

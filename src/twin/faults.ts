import type { TwinRepository } from "./world.ts";

/** What a forge does to an App on a bad day. Those of the first group meet single requests, the others stay true. */
export type Fault =
  /** The hour's requests are spent; over after so many seconds, as each answer says. */
  | { readonly kind: "primary-limit"; readonly seconds: number }
  /** Too much at once; over after so many seconds, as each answer says. */
  | { readonly kind: "secondary-limit"; readonly status: 403 | 429; readonly seconds: number }
  | { readonly kind: "server-error"; readonly status: 500 | 502 | 503 | 504 }
  /** The connection is closed without an answer, and nothing was done. */
  | { readonly kind: "closed" }
  /** It was done, and the answer says that something broke: where duplicates come from. */
  | { readonly kind: "answer-lost" }
  /** Tokens of installations that were given out until now are none any more. */
  | { readonly kind: "tokens-expired" }
  /** Somebody takes the App out of an account; ending this puts it back. */
  | { readonly kind: "uninstalled"; readonly installation: number }
  | { readonly kind: "renamed"; readonly repository: TwinRepository; readonly to: string };

/** A fault of single requests. */
export type Met = Extract<
  Fault,
  { kind: "primary-limit" | "secondary-limit" | "server-error" | "closed" | "answer-lost" }
>;

/** One request as faults look at it. */
export interface Asked {
  readonly over: "api" | "git";
  readonly method: string;
  readonly path: string;
}

/** A fault that was switched on. */
export interface Suffering {
  /** How many requests have met it. */
  readonly met: number;
  /** Is it still there? One of so many requests, or seconds, ends by itself. */
  readonly over: boolean;
  end(): void;
}

export interface Reach {
  /** Over after so many requests; without it, when it is ended. */
  readonly times?: number;
  /** Which requests it meets. Limits know the API alone; everything else meets git too. */
  readonly only?: (asked: Asked) => boolean;
}

interface Active {
  readonly fault: Met;
  readonly reach: Reach;
  /** Ms since 1970. */
  readonly until: number;
  met: number;
  ended: boolean;
}

/** Faults of single requests that are switched on now; the oldest meets a request first. */
export class Faults {
  private active: readonly Active[] = [];

  begin(fault: Met, reach: Reach): Suffering {
    const seconds = "seconds" in fault ? fault.seconds : Number.POSITIVE_INFINITY;
    const one: Active = { fault, reach, until: Date.now() + seconds * 1_000, met: 0, ended: false };
    this.active = [...this.active, one];
    return {
      get met() {
        return one.met;
      },
      get over() {
        return isOver(one);
      },
      end: () => void (one.ended = true),
    };
  }

  /** The fault that a request meets, with when it is over. */
  meet(asked: Asked): { readonly fault: Met; readonly until: number } | undefined {
    this.active = this.active.filter((one) => !isOver(one));
    const found = this.active.find(
      ({ fault, reach: { only } }) =>
        (asked.over === "api" || !("seconds" in fault)) && (only === undefined || only(asked)),
    );
    if (found !== undefined) found.met++;
    return found;
  }
}

function isOver({ ended, until, met, reach: { times } }: Active): boolean {
  return ended || Date.now() >= until || met >= (times ?? Number.POSITIVE_INFINITY);
}

/** A person's or an App's request that changes something others see. */
export function isWrite({ over, method, path }: Asked): boolean {
  if (over === "git") return path.endsWith("/git-receive-pack");
  return method !== "GET" && !path.endsWith("/access_tokens");
}

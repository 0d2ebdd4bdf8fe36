/** Why a service or a worker does not start; `reason` tells the exit code. */
export interface Refused {
  readonly kind: "refused";
  /** `usage`: somebody has to write something else; `forbidden`: this user may not; `later`: the world is not there. */
  readonly reason: "usage" | "forbidden" | "later";
  readonly why: string;
  readonly next: string;
}

import { createHmac, randomUUID } from "node:crypto";

export interface Delivery {
  readonly id: string;
  readonly event: string;
  readonly payload: Record<string, unknown>;
  /** Status of the last answer; null when nobody answered. */
  status: number | null;
}

/** Webhooks as GitHub sends them: signed, named by a GUID, one after the other, never retried by themselves. */
export class Deliveries {
  readonly sent: Delivery[] = [];
  url: string | null = null;
  /** Faults that a test switches on. */
  drop = false;
  double = false;
  /** Kept back until `release`. */
  delay = false;
  private readonly late: Delivery[] = [];
  private queue: Promise<void> = Promise.resolve();
  private readonly secret: string;

  constructor(secret: string) {
    this.secret = secret;
  }

  send(event: string, payload: Record<string, unknown>): void {
    const delivery: Delivery = { id: randomUUID(), event, payload, status: null };
    this.sent.push(delivery);
    if (this.drop) return;
    if (this.delay) this.late.push(delivery);
    else this.dispatch(delivery);
  }

  /** Sends what was kept back, in another order than it happened in: the newest first. */
  release(): void {
    this.delay = false;
    for (const delivery of this.late.splice(0).toReversed()) this.dispatch(delivery);
  }

  private dispatch(delivery: Delivery): void {
    for (let times = this.double ? 2 : 1; times > 0; times--) void this.deliver(delivery);
  }

  /** The same delivery once more, as somebody presses "Redeliver". */
  redeliver(delivery: Delivery): Promise<void> {
    return this.deliver(delivery);
  }

  /** Ends when everything sent so far was answered. */
  async idle(): Promise<void> {
    for (let seen; seen !== this.queue;) {
      seen = this.queue;
      await seen;
    }
  }

  private deliver(delivery: Delivery): Promise<void> {
    this.queue = this.queue.then(() => this.post(delivery));
    return this.queue;
  }

  private async post(delivery: Delivery): Promise<void> {
    if (this.url === null) return;
    const body = JSON.stringify(delivery.payload);
    try {
      const answer = await fetch(this.url, {
        method: "POST",
        body,
        headers: {
          "content-type": "application/json",
          "user-agent": "GitHub-Hookshot/twin",
          "x-github-delivery": delivery.id,
          "x-github-event": delivery.event,
          "x-hub-signature-256": `sha256=${createHmac("sha256", this.secret).update(body).digest("hex")}`,
        },
      });
      delivery.status = answer.status;
      await answer.arrayBuffer();
    } catch {
      delivery.status = null;
    }
  }
}

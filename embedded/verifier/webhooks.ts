import { setTimeout as delay } from "node:timers/promises";

/** Where events are sent, and the static key sent with them, if any. */
export interface WebhookTarget {
  url: string;
  apiKey?: { header: string; value: string } | undefined;
}

/** How often an event is delivered: as it should be, in duplicate, or never. */
export type DeliveryMode = "once" | "twice" | "lost";

interface Event {
  verification_id: string;
  timestamp: string;
}

/** Delivers events at least once, the oldest first; repeats each until its receiver answers 2xx. */
export interface WebhookSender {
  send(verificationId: string, mode?: DeliveryMode): void;
  /** Events not yet acknowledged. */
  pending(): number;
  /** Deliveries so far, repeated ones included. */
  deliveries(): number;
  close(): Promise<void>;
}

const RETRY_INTERVAL_MS = 250;

export function createWebhookSender(target: WebhookTarget | undefined): WebhookSender {
  const closing = new AbortController();
  let events: Event[] = [];
  let sent = 0;
  let wake: () => void = () => undefined;

  async function deliver(event: Event): Promise<boolean> {
    if (target === undefined) return true;
    const headers = new Headers({ "content-type": "application/json" });
    if (target.apiKey !== undefined) headers.set(target.apiKey.header, target.apiKey.value);
    sent += 1;
    const { ok } = await fetch(target.url, {
      method: "POST",
      headers,
      body: JSON.stringify(event),
      signal: closing.signal,
    });
    return ok;
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const batch = [...events];
      try {
        const done = new Set<Event>();
        for (const event of batch) if (await deliver(event)) done.add(event);
        events = events.filter((event) => !done.has(event));
      } catch {
        // The receiver cannot be reached: the whole batch is sent again, what was acknowledged of it included.
      }
      const refused = events.some((event) => batch.includes(event));
      if (refused) await delay(RETRY_INTERVAL_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      else if (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  const running = run();

  return {
    send(verificationId, mode = "once") {
      const event = { verification_id: verificationId, timestamp: new Date().toISOString() };
      if (mode !== "lost") events.push(event);
      if (mode === "twice") events.push({ ...event });
      wake();
    },
    pending: () => events.length,
    deliveries: () => sent,
    async close() {
      closing.abort();
      wake();
      await running;
    },
  };
}

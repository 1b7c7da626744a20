import { Counter, Histogram, type Registry } from "prom-client";
import type { Clock } from "../../core/clock";
import type { OutgoingEvent } from "./outgoing";
import type { Ending } from "./subscription";

/** What is counted of streams. */
export interface PushMetrics {
  onEnd(ending: Ending): void;
  /** @param isLive whether the event was sent as it happened, not as something missed */
  onSent(event: OutgoingEvent, isLive: boolean): void;
}

/** Creates the counters and registers them. */
export function createPushMetrics({ metrics, clock }: { metrics: Registry; clock: Clock }): PushMetrics {
  const ended = new Counter({
    name: "cairn_gateway_streams_ended_total",
    help: "Streams that ended, by reason.",
    labelNames: ["reason"],
    registers: [metrics],
  });
  const sent = new Counter({
    name: "cairn_gateway_events_sent_total",
    help: "Events sent to streams, by type.",
    labelNames: ["type"],
    registers: [metrics],
  });
  const delay = new Histogram({
    name: "cairn_gateway_event_delay_seconds",
    help: "Time from an event to its being sent to a stream, of events that were sent as they happened.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [metrics],
  });
  return {
    onEnd: (reason) => ended.inc({ reason }),
    onSent({ type, atMs }, isLive) {
      sent.inc({ type });
      if (isLive) delay.observe(Math.max(0, clock.now().getTime() - atMs) / 1000);
    },
  };
}

import { collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";

/** Numbers that are asked for when somebody looks. */
export interface MetricSources {
  /** Where they are kept; other parts of the process may keep theirs beside. */
  registry: Registry;
  /** Jobs waiting, delayed or running, by queue. */
  queues: Record<string, () => Promise<number>>;
  /** Sessions valid now. */
  sessions(): Promise<number>;
}

/** What the API counts and measures, in Prometheus' form. */
export interface ApiMetrics {
  observeRequest(request: { method: string; route: string; status: number; seconds: number }): void;
  /** The text exposition format, version 0.0.4. */
  text(): Promise<string>;
  contentType: string;
}

/** Makes the API's metrics, the process's (memory, event loop) among them. */
export function createApiMetrics(sources: MetricSources): ApiMetrics {
  const { registry } = sources;
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Histogram({
    name: "cairn_http_request_duration_seconds",
    help: "From a request's arrival to the end of its answer",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  new Gauge({
    name: "cairn_sessions_valid",
    help: "Sessions that are valid now",
    registers,
    async collect() {
      await settle(this, {}, sources.sessions);
    },
  });
  new Gauge({
    name: "cairn_queue_depth_jobs",
    help: "Jobs waiting, delayed or running",
    labelNames: ["queue"],
    registers,
    async collect() {
      for (const [queue, depth] of Object.entries(sources.queues)) await settle(this, { queue }, depth);
    },
  });
  return {
    observeRequest: ({ method, route, status, seconds }) => requests.observe({ method, route, status }, seconds),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** A source that does not answer makes its own number unknown (NaN), not all the others unreadable. */
async function settle(gauge: Gauge, labels: Record<string, string>, source: () => Promise<number>): Promise<void> {
  const value = await source().catch(() => Number.NaN);
  gauge.set(labels, value);
}

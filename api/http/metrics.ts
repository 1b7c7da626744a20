import { Histogram, type Registry } from "prom-client";
import { createProcessMetrics, type GaugeDefinition, readByLabel } from "../../process/metrics";

/** Numbers that are read when the metrics are asked for. */
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
export function createApiMetrics({ registry, queues, sessions }: MetricSources): ApiMetrics {
  const gauges: GaugeDefinition[] = [
    { name: "cairn_sessions_valid", help: "Sessions that are valid now", read: sessions },
    {
      name: "cairn_queue_depth_jobs",
      help: "Jobs waiting, delayed or running",
      labelNames: ["queue"],
      read: () => readByLabel("queue", queues),
    },
  ];
  const requests = new Histogram({
    name: "cairn_http_request_duration_seconds",
    help: "From a request's arrival to the end of its answer",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const { text, contentType } = createProcessMetrics(gauges, registry);
  return {
    observeRequest: ({ method, route, status, seconds }) => requests.observe({ method, route, status }, seconds),
    text,
    contentType,
  };
}

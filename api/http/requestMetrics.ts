import { Histogram, type Registry } from "prom-client";
import type { FinishedRequest } from "./tracking";

const NAME = "cairn_http_request_duration_seconds";

/** Registers the histogram of requests, once for all ports; returns what to call when one is finished. */
export function observeRequests(registry: Registry): (request: FinishedRequest) => void {
  const requests = (registry.getSingleMetric(NAME) as RequestHistogram | undefined) ?? createHistogram(registry);
  return ({ method, route, status, seconds }) => requests.observe({ method, route, status }, seconds);
}

type RequestHistogram = Histogram<"method" | "route" | "status">;

function createHistogram(registry: Registry): RequestHistogram {
  return new Histogram({
    name: NAME,
    help: "From a request's arrival to the end of its answer",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
}

import { Histogram, type Registry } from "prom-client";
import type { FinishedRequest } from "./tracking";

/** Registers the histogram of requests; returns what to call when one is finished. */
export function observeRequests(registry: Registry): (request: FinishedRequest) => void {
  const requests = new Histogram({
    name: "cairn_http_request_duration_seconds",
    help: "From a request's arrival to the end of its answer",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return ({ method, route, status, seconds }) => requests.observe({ method, route, status }, seconds);
}

import { Counter, Histogram, type Registry } from "prom-client";
import type { FlowAudit, FlowErrorType } from "./rules";

/** What operators see of flows. */
export interface FlowMetrics {
  /** A flow ended: how, and how long after it was made. */
  ended(ended: { result: FlowAudit["result"]; errorType: FlowErrorType | null; seconds: number }): void;
  /** A verifier elsewhere was called: by which endpoint, whether it answered as it should, and how long it took. */
  called(call: { endpoint: string; outcome: "ok" | FlowErrorType; seconds: number }): void;
}

/** Registers the metrics of flows, once for each registry. */
export function createFlowMetrics(registry: Registry): FlowMetrics {
  const registers = [registry];
  const flows = new Histogram({
    name: "cairn_presentation_flow_duration_seconds",
    help: "From the making of a flow to its end, by the result",
    labelNames: ["result"],
    buckets: [5, 10, 20, 30, 60, 120, 180, 300, 600],
    registers,
  });
  const errors = new Counter({
    name: "cairn_presentation_flow_errors_total",
    help: "Flows that ended without a verdict, by what failed",
    labelNames: ["type"],
    registers,
  });
  const calls = new Histogram({
    name: "cairn_presentation_verifier_call_duration_seconds",
    help: "Calls to a verifier elsewhere, by endpoint and outcome",
    labelNames: ["endpoint", "outcome"],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  return {
    ended({ result, errorType, seconds }) {
      flows.observe({ result }, seconds);
      if (errorType !== null) errors.inc({ type: errorType });
    },
    called: ({ endpoint, outcome, seconds }) => calls.observe({ endpoint, outcome }, seconds),
  };
}

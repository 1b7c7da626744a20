import type { GaugeDefinition } from "../../process/metrics";
import type { OperationStore } from "./store";

/** How many changes of control there are by how far they are. */
export function controlGauge(operations: Pick<OperationStore, "countByState">): GaugeDefinition {
  return {
    name: "cairn_control_operations",
    help: "Changes of control of identities by how far they are",
    labelNames: ["state"],
    read: async () =>
      Object.entries(await operations.countByState()).map(([state, value]) => ({ labels: { state }, value })),
  };
}

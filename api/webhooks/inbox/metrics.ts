import { Counter, type Registry } from "prom-client";

/** Counts deliveries. A bad signature leaves this trace and no other. */
export type CountDelivery = (source: string, sender: string, outcome: string) => void;

/** Adds the count of deliveries to a process's metrics. */
export function countDeliveries(registry: Registry): CountDelivery {
  const deliveries = new Counter({
    name: "cairn_webhook_deliveries_total",
    help: "Webhook deliveries received, by what became of them",
    labelNames: ["source", "sender", "outcome"],
    registers: [registry],
  });
  return (source, sender, outcome) => deliveries.inc({ source, sender, outcome });
}

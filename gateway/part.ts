import type { ConnectRouter } from "@connectrpc/connect";
import type { DependencyCheck } from "../process/health";
import type { GaugeDefinition } from "../process/metrics";
import type { HttpRoute } from "./server/routes";

/** One concern of the gateway: what it answers, what it tells operators, and how it ends. */
export interface GatewayPart {
  /** Adds the calls that it implements. */
  calls?(router: ConnectRouter): void;
  /** Paths of plain HTTP. */
  routes?: HttpRoute[];
  gauges?: GaugeDefinition[];
  checks?: DependencyCheck[];
  /** Ends what would keep calls open, such as streams. Runs before the servers stop. */
  stop?(): Promise<void>;
}

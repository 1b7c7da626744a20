import type { GaugeDefinition } from "../../../process/metrics";
import type { WalletStore } from "../store";

/** How many linked wallets there are by how far the anchoring of their DID is. */
export function anchoringGauge(wallets: Pick<WalletStore, "countByStatus">): GaugeDefinition {
  return {
    name: "cairn_anchorings",
    help: "Linked wallets by how far the anchoring of their DID is",
    labelNames: ["status"],
    read: async () =>
      Object.entries(await wallets.countByStatus()).map(([status, value]) => ({ labels: { status }, value })),
  };
}

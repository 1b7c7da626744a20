import { createRelayer, type Relayer } from "../chain/relayer/relayer";
import type { RelayHandler } from "../chain/relayer/handlers";
import { createSigner } from "../chain/relayer/signer";
import type { Context } from "./context";
import type { DependencyCheck } from "./health";
import type { GaugeDefinition } from "./metrics";

/** The relayer of a worker process, with what operators read of it. */
export interface ProcessRelayer {
  relayer: Relayer;
  metrics: GaugeDefinition[];
  health: DependencyCheck[];
}

/**
 * Makes the relayer with the key that pays; the caller starts and closes it.
 *
 * @param handlers called with what becomes of transactions, by kind
 * @throws Error when the configuration holds no key: only the worker's does
 */
export function createProcessRelayer(context: Context, handlers: Record<string, RelayHandler>): ProcessRelayer {
  const { config, chain, clock, logger, transactions, timing } = context;
  if (config.anchoring === undefined) throw new Error("the worker's configuration lacks the relayer's key");
  const { relayerPrivateKey: privateKey, stuckSeconds } = config.anchoring;
  const relayer = createRelayer({
    provider: chain.provider,
    chainId: chain.chainId,
    signer: createSigner({ privateKey, chainId: chain.chainId, clock }),
    transactions,
    handlers,
    clock,
    logger,
    stuckSeconds,
    pollMs: timing.pollIntervalMs,
    ...(context.onStep && { onStep: context.onStep }),
  });
  return {
    relayer,
    metrics: [
      {
        name: "cairn_relayer_transactions_pending",
        help: "Transactions signed and not yet mined",
        read: () => relayer.countPending(),
      },
      {
        name: "cairn_relayer_balance_ether",
        help: "What the relayer can spend",
        read: async () => Number(await relayer.balance()) / 1e18,
      },
    ],
    health: [
      {
        name: "relayer",
        required: false,
        async run() {
          if ((await relayer.balance()) === 0n) throw new Error("the relayer has no money to pay for gas");
          return { pending: await relayer.countPending() };
        },
      },
    ],
  };
}

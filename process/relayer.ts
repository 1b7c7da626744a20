import { Counter } from "prom-client";
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

/** From this share of the day's budget on it is reported as nearly used up. */
const ALARM_SHARE = 0.8;

/**
 * Makes the relayer with the key that pays; the caller starts and closes it.
 *
 * @param handlers called with what becomes of transactions, by kind
 * @throws Error when the configuration holds no key: only the worker's does
 */
export function createProcessRelayer(context: Context, handlers: Record<string, RelayHandler>): ProcessRelayer {
  const { config, chain, clock, logger, transactions, timing, budgets } = context;
  if (config.anchoring === undefined) throw new Error("the worker's configuration lacks the relayer's key");
  const { relayerPrivateKey: privateKey, stuckSeconds } = config.anchoring;
  const counters = createCounters(context);
  const relayer = createRelayer({
    provider: chain.provider,
    chainId: chain.chainId,
    signer: createSigner({ privateKey, chainId: chain.chainId, clock }),
    transactions,
    handlers,
    budgets,
    clock,
    logger,
    stuckSeconds,
    pollMs: timing.pollIntervalMs,
    onSpent: counters.onSpent,
    onRefused: counters.onRefused,
    ...(context.onStep && { onStep: context.onStep }),
  });
  return {
    relayer,
    metrics: relayerGauges(context, relayer),
    health: [
      {
        name: "relayer",
        required: false,
        async run() {
          const [problems, pending] = await Promise.all([alarmsOf(context, relayer), relayer.countPending()]);
          return { pending, problems };
        },
      },
    ],
  };
}

/** What an operator should know of before the relayer stands still; empty when all is well. */
async function alarmsOf(
  { config, budgets }: Pick<Context, "config" | "budgets">,
  relayer: Pick<Relayer, "balance">,
): Promise<string[]> {
  const { alarmEther, dailyGas } = config.spending;
  const [balance, gasToday, stopReason] = await Promise.all([
    relayer.balance(),
    budgets.gasToday(),
    budgets.stopReason(),
  ]);
  const alarms: string[] = [];
  if (balance === 0n) alarms.push("the relayer has no money to pay for gas");
  else if (Number(balance) / 1e18 < alarmEther) alarms.push("the relayer's balance is below RELAYER_ALARM_ETHER");
  if (gasToday >= dailyGas.all * ALARM_SHARE) alarms.push("the relayer's budget of the day is nearly used up");
  if (stopReason !== null) alarms.push("the relayer is stopped");
  return alarms;
}

function relayerGauges(context: Context, relayer: Relayer): GaugeDefinition[] {
  const { config, budgets } = context;
  return [
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
    {
      name: "cairn_relayer_day_gas",
      help: "Gas taken from the budget of the UTC day, of all processes",
      read: () => budgets.gasToday(),
    },
    {
      name: "cairn_relayer_day_gas_limit",
      help: "The budget of the UTC day",
      read: () => Promise.resolve(config.spending.dailyGas.all),
    },
    {
      name: "cairn_relayer_stopped",
      help: "1 while the relayer is stopped",
      read: async () => ((await budgets.stopReason()) === null ? 0 : 1),
    },
    {
      name: "cairn_relayer_alarms",
      help: "How many things an operator has to see to: balance, budget of the day, stop switch",
      read: async () => (await alarmsOf(context, relayer)).length,
    },
  ];
}

/** What this process spent and refused, and a line in the log for each refusal that concerns everybody. */
function createCounters({ metrics, logger }: Pick<Context, "metrics" | "logger">) {
  const counter = (name: string, help: string, label: string) =>
    (metrics.getSingleMetric(name) as Counter | undefined) ??
    new Counter({ name, help, labelNames: [label], registers: [metrics] });
  const spent = counter("cairn_relayer_spent_ether_total", "Fees of mined transactions, by kind", "kind");
  const refused = counter("cairn_relayer_refusals_total", "Transactions not paid for by policy, by reason", "code");
  return {
    onSpent: (kind: string, wei: bigint) => spent.inc({ kind }, Number(wei) / 1e18),
    onRefused(code: string) {
      refused.inc({ code });
      if (CONCERNS_ALL.has(code)) logger.warn({ code }, "the relayer pays for nothing at present");
    },
  };
}

const CONCERNS_ALL = new Set(["relayer.day_budget_used_up", "relayer.fees_too_high", "relayer.insufficient_funds"]);

import { assertNever } from "../../core/errors";
import { broadcastTransactions } from "./broadcast";
import { confirmReceipts } from "./confirm";
import { readAccount } from "./account";
import type { RelayerDeps } from "./deps";
import { suggestFees } from "./fees";
import { hasHandler } from "./handlers";
import { type Action, type ChainView, nextAction } from "./nextAction";
import { fillNonceGap } from "./nonceGap";
import { cancelTransaction, replaceTransaction } from "./replace";
import type { RelayerTransaction } from "./transaction";

/** Transactions handled in one tick. */
const TICK_LIMIT = 256;

const SPENDING = new Set<Action>(["broadcast", "replace", "cancel"]);

/** What one tick did. */
export interface TickReport {
  unfinished: number;
  sent: number;
  confirmed: number;
  replaced: number;
}

/**
 * Takes every unfinished transaction one action further; safe to run in any number of processes at once.
 *
 * @throws TransientError `rpc.unreachable`
 */
export async function tick(deps: RelayerDeps): Promise<TickReport> {
  const { provider, transactions, clock, stuckSeconds } = deps;
  const { account, chainNonce } = await readAccount(deps);
  const unfinished = await transactions.unfinished(account, chainNonce, TICK_LIMIT);
  const report: TickReport = { unfinished: unfinished.length, sent: 0, confirmed: 0, replaced: 0 };
  if (unfinished.length === 0) return report;

  const now = clock.now();
  const view: ChainView = { chainNonce, suggested: await suggestFees(provider) };
  const isStopped = (await deps.budgets.stopReason()) !== null;
  if (!isStopped) await fillNonceGap(deps, account, unfinished, view, now);
  const due: RelayerTransaction[] = [];
  const used: RelayerTransaction[] = [];
  for (const transaction of unfinished) {
    // One of another version's requests is left to the workers that can handle its outcome.
    if (!hasHandler(deps.handlers, transaction)) continue;
    const action = nextAction(transaction, view, now, stuckSeconds);
    // What was sent may be mined; nothing more is spent.
    if (isStopped && SPENDING.has(action)) continue;
    switch (action) {
      case "confirm":
        used.push(transaction);
        break;
      case "reopen":
        await transactions.reopen(transaction._id, now);
        break;
      case "replace":
        if (await replaceTransaction(deps, transaction, view.suggested, now)) report.replaced += 1;
        break;
      case "cancel":
        if (await cancelTransaction(deps, transaction, view.suggested, now)) report.replaced += 1;
        break;
      case "broadcast":
        due.push(transaction);
        break;
      case "wait":
        break;
      default:
        assertNever(action);
    }
  }
  report.confirmed = await confirmReceipts(deps, used, now);
  report.sent = await broadcastTransactions(deps, due);
  return report;
}

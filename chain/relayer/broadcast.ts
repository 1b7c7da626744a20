import { addSeconds } from "../../core/clock";
import { assertNever, TransientError } from "../../core/errors";
import type { RelayerDeps } from "./deps";
import { insufficientFunds, reportRequests } from "./handlers";
import { type BroadcastAnswer, nodeMessageOf, readNodeError } from "./nodeErrors";
import { latestAttempt, type RelayerTransaction } from "./transaction";

/** Sent in one exchange: few enough that a rejection in the middle wastes little. */
const BATCH = 16;

/** A claimed sending whose worker died is taken over after this. */
const CLAIM_SECONDS = 3;

/** A rejected transaction is sent again after this. */
const RETRY_SECONDS = 1;

/**
 * Sends stored transactions to the chain: in the order of their nonces, each by one worker at a time.
 *
 * @returns how many a node newly took
 * @throws TransientError `rpc.unreachable`
 */
export async function broadcastTransactions(deps: RelayerDeps, due: RelayerTransaction[]): Promise<number> {
  let sent = 0;
  for (let first = 0; first < due.length; first += BATCH) {
    const batch = due.slice(first, first + BATCH);
    const answers = await Promise.all(batch.map((transaction) => broadcastTransaction(deps, transaction)));
    sent += answers.filter((answer) => answer === "accepted").length;
    // What follows cannot be taken before these are.
    if (answers.includes("nonce_too_high") || answers.includes("insufficient_funds")) break;
  }
  return sent;
}

/** Sends one transaction, unless another worker has claimed that. */
async function broadcastTransaction(
  deps: RelayerDeps,
  transaction: RelayerTransaction,
): Promise<BroadcastAnswer | "claimed_elsewhere"> {
  const { transactions, clock } = deps;
  const now = clock.now();
  const claimed = await transactions.claimBroadcast(transaction._id, now, addSeconds(now, CLAIM_SECONDS));
  if (!claimed) return "claimed_elsewhere";
  const { hash, raw } = latestAttempt(transaction);
  const answer = await send(deps, transaction, raw);
  await recordAnswer(deps, transaction, hash, answer);
  return answer;
}

async function send(deps: RelayerDeps, transaction: RelayerTransaction, raw: string): Promise<BroadcastAnswer> {
  const { provider, transactions, clock, logger } = deps;
  try {
    await provider.send("eth_sendRawTransaction", [raw]);
    return "accepted";
  } catch (error) {
    if (error instanceof TransientError) {
      // Nobody answered, so it may or may not have arrived: the same bytes can go again.
      await transactions.postpone(transaction._id, clock.now(), false);
      throw error;
    }
    const answer = readNodeError(error);
    const { nonce, kind } = transaction;
    logger.debug({ nonce, kind, answer, nodeMessage: nodeMessageOf(error).slice(0, 300) }, "transaction not accepted");
    return answer;
  }
}

async function recordAnswer(
  deps: RelayerDeps,
  transaction: RelayerTransaction,
  hash: string,
  answer: BroadcastAnswer,
): Promise<void> {
  const { signer, transactions, clock, handlers, stuckSeconds } = deps;
  const { _id } = transaction;
  switch (answer) {
    case "accepted":
    case "already_known":
      await deps.onStep?.("broadcast", transaction.kind);
      await reportRequests(handlers, transaction, (handler, request) => handler.onBroadcast(request, hash));
      await transactions.recordBroadcast(_id, clock.now(), addSeconds(clock.now(), stuckSeconds));
      await deps.onStep?.("recorded", transaction.kind);
      return;
    case "nonce_used":
    case "nonce_too_high":
      await transactions.postpone(_id, clock.now(), false);
      return;
    case "insufficient_funds":
      await reportRequests(handlers, transaction, (handler, request) =>
        handler.onRetryableError(request, insufficientFunds(signer.address)),
      );
      await transactions.postpone(_id, addSeconds(clock.now(), CLAIM_SECONDS), false);
      return;
    case "underpriced":
    case "unclear":
      await transactions.postpone(_id, addSeconds(clock.now(), RETRY_SECONDS), true);
      return;
    default:
      assertNever(answer);
  }
}

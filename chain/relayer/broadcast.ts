import { addSeconds } from "../../core/clock";
import { TransientError } from "../../core/errors";
import { latestAttempt } from "./nextAction";
import type { RelayerTransaction } from "./transactions";
import { type BroadcastAnswer, nodeMessageOf, readNodeError } from "./nodeErrors";
import { handlerOf, insufficientFunds, type RelayerOptions } from "./handlers";

/** Sent in one exchange: few enough that a refusal in the middle wastes little. */
const SEND_TOGETHER = 16;

/** A claimed sending whose worker died is taken over after this. */
const CLAIM_SECONDS = 3;

/**
 * Makes what sends kept transactions to the chain: in the order of their nonces, each by one worker at a time.
 *
 * @returns how many a node newly took; rejects with TransientError `rpc.unreachable`
 */
export function createBroadcaster(options: RelayerOptions): (due: RelayerTransaction[]) => Promise<number> {
  const { provider, signer, transactions, clock, logger, stuckSeconds } = options;

  async function broadcastInOrder(due: RelayerTransaction[]): Promise<number> {
    let sent = 0;
    for (let first = 0; first < due.length; first += SEND_TOGETHER) {
      const answers = await Promise.all(due.slice(first, first + SEND_TOGETHER).map(broadcast));
      sent += answers.filter((answer) => answer === "accepted").length;
      // What follows cannot be taken before these are.
      if (answers.includes("nonce_too_high") || answers.includes("insufficient_funds")) break;
    }
    return sent;
  }

  async function broadcast(transaction: RelayerTransaction): Promise<BroadcastAnswer | "claimed_elsewhere"> {
    const now = clock.now();
    if (!(await transactions.claimBroadcast(transaction._id, now, addSeconds(now, CLAIM_SECONDS))))
      return "claimed_elsewhere";
    const { hash, raw } = latestAttempt(transaction);
    const answer = await send(transaction, raw);
    switch (answer) {
      case "accepted":
      case "already_known":
        await options.onStep?.("broadcast", transaction);
        await handlerOf(options, transaction).onBroadcast(transaction, hash);
        await transactions.recordBroadcast(transaction._id, clock.now(), addSeconds(clock.now(), stuckSeconds));
        await options.onStep?.("recorded", transaction);
        break;
      case "nonce_used":
      case "nonce_too_high":
        await transactions.postpone(transaction._id, clock.now(), false);
        break;
      case "insufficient_funds":
        await handlerOf(options, transaction).onRetryableError(transaction, insufficientFunds(signer.address));
        await transactions.postpone(transaction._id, addSeconds(clock.now(), CLAIM_SECONDS), false);
        break;
      case "underpriced":
      case "unclear":
        await transactions.postpone(transaction._id, addSeconds(clock.now(), 1), true);
        break;
    }
    return answer;
  }

  async function send(transaction: RelayerTransaction, raw: string): Promise<BroadcastAnswer> {
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
      logger.debug({ nonce, kind, answer, said: nodeMessageOf(error).slice(0, 300) }, "transaction not taken");
      return answer;
    }
  }

  return broadcastInOrder;
}

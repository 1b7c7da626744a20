import { anchorDigestCall } from "../../../chain/registry/digestAnchor";
import type { RegistryEvent } from "../../../chain/registry/events";
import { positionOf } from "../../../chain/registry/position";
import type { Outcome, RelayHandler } from "../../../chain/relayer/handlers";
import type { Relayer } from "../../../chain/relayer/relayer";
import { fulfils, type RelayerTransaction } from "../../../chain/relayer/transaction";
import { assertNever, messageOf } from "../../../core/errors";
import type { Context } from "../../../process/context";
import type { UseBatch } from "./rules";
import type { BatchAttempt, BatchStore } from "./store";

/** The relayer's name for the anchoring of batches. */
export const USE_ANCHORING = "use-anchoring";

export interface AnchorBatchDeps extends Pick<Context, "chain" | "clock" | "projection" | "logger"> {
  batches: BatchStore;
}

/** The registry's events read to find one that is in a known block. */
const EVENTS_OF_BLOCK = 64;

/**
 * Hands a batch's digest to the relayer, which anchors it in its own account's name: the operator's. Safe to repeat and
 * to run twice at once. What hinders it is recorded, and tried again.
 */
export async function anchorBatch(
  deps: AnchorBatchDeps & { relayer: Pick<Relayer, "address" | "find" | "submit"> },
  { digest, attempt }: BatchAttempt,
): Promise<void> {
  const { relayer, chain, batches, clock, logger } = deps;
  const identity = relayer.address.toLowerCase();
  const call = anchorDigestCall(chain, { identity, digest });
  const request = { kind: USE_ANCHORING, subject: `uses/${digest}`, key: `uses/${digest}/${call.to}/${attempt}` };
  try {
    await batches.recordIdentity({ digest, attempt }, identity);
    const known = await relayer.find(request);
    if (known === null) {
      // Operators pay for what they prove themselves.
      await relayer.submit({ ...request, call, beneficiaries: [] });
    } else if (!known.open && fulfils(known, request.key)) {
      // Its outcome was reported; whoever recorded it may have been killed before.
      await recordEnd(batches, { digest, attempt }, known, clock.now());
    }
  } catch (error) {
    logger.warn({ err: error, digest }, "a batch of uses could not be sent to the chain; it is tried again");
    await batches.recordError({ digest, attempt }, messageOf(error), clock.now());
  }
}

/** Records what becomes of the transactions that anchor batches. */
export function useAnchoringHandler({ batches, clock }: Pick<AnchorBatchDeps, "batches" | "clock">): RelayHandler {
  return {
    onBroadcast: ({ key }, transactionHash) => batches.markSubmitted(attemptOf(key), transactionHash, clock.now()),
    onRetryableError: ({ key }, error) => batches.recordError(attemptOf(key), error.message, clock.now()),
    onOutcome: ({ key }, outcome) => recordOutcome(batches, attemptOf(key), outcome, clock.now()),
  };
}

async function recordOutcome(
  batches: Pick<BatchStore, "markMined" | "retry">,
  attempt: BatchAttempt,
  outcome: Outcome,
  now: Date,
): Promise<void> {
  switch (outcome.state) {
    case "mined":
      return batches.markMined(attempt, outcome, now);
    case "reverted":
    case "lost":
      return batches.retry(attempt, now);
    default:
      return assertNever(outcome);
  }
}

async function recordEnd(
  batches: Pick<BatchStore, "markMined" | "retry">,
  attempt: BatchAttempt,
  { state, receipt }: RelayerTransaction,
  now: Date,
): Promise<void> {
  if (state !== "mined" || receipt === undefined) return batches.retry(attempt, now);
  return batches.markMined(attempt, { transactionHash: receipt.hash, blockNumber: receipt.blockNumber }, now);
}

/** Keys are `uses/<digest>/<registry>/<attempt>`. */
function attemptOf(key: string): BatchAttempt {
  const [, digest = "", , attempt] = key.split("/");
  return { digest, attempt: Number(attempt) };
}

/**
 * Ends a mined batch: final once the index shows its event in a block that is. One that a reorg took out of the chain is
 * sent again.
 *
 * @param input.overdue whether the index should have shown it long ago
 */
export async function finalizeBatch(
  deps: Pick<AnchorBatchDeps, "batches" | "projection" | "chain" | "clock">,
  { batch, overdue }: { batch: UseBatch; overdue: boolean },
): Promise<void> {
  const { batches, projection, chain, clock } = deps;
  const event = await findAnchor(deps, batch, overdue);
  if (event !== undefined) {
    const freshness = await projection.freshness();
    if (freshness === null || event.blockNumber > freshness.finalizedNumber) return;
    const { transactionHash, blockNumber, blockHash, minedAt } = event;
    const { anchorSequence: sequence } = event.args;
    await batches.markFinal(batch, { sequence, transactionHash, blockNumber, blockHash, minedAt }, clock.now());
    return;
  }
  if (!overdue || batch.transactionHash === null) return;
  const receipt = await chain.provider.getTransactionReceipt(batch.transactionHash);
  if (receipt === null) await batches.retry(batch, clock.now());
}

type AnchorEvent = Extract<RegistryEvent, { name: "DigestAnchored" }>;

/** The event of a batch: near the block it was mined in, or, when it is not there, wherever it is. */
async function findAnchor(
  { projection }: Pick<AnchorBatchDeps, "projection">,
  { digest, identity, blockNumber }: UseBatch,
  everywhere: boolean,
): Promise<AnchorEvent | undefined> {
  if (identity === null || blockNumber === null) return undefined;
  const names = ["DigestAnchored"] as const;
  const isAnchor = (event: RegistryEvent): event is AnchorEvent =>
    event.name === "DigestAnchored" && event.args.digest === digest;
  const before = positionOf(blockNumber + 1, 0);
  const near: RegistryEvent[] = await projection.listEvents({
    names,
    subject: identity,
    before,
    limit: EVENTS_OF_BLOCK,
  });
  const found = near.find(isAnchor);
  if (found !== undefined || !everywhere) return found;
  return (await projection.eventsOf(identity, { names, accepts: isAnchor })).find(isAnchor);
}

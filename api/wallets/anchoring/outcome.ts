import type { Chain } from "../../../chain/client";
import { readIdentity } from "../../../chain/registry/identity";
import type { Outcome, RelayHandler } from "../../../chain/relayer/handlers";
import type { RelayerTransaction } from "../../../chain/relayer/transaction";
import type { Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { assertNever } from "../../../core/errors";
import type { Wallet } from "../rules";
import type { WalletStore } from "../store";
import { lostError, newAnchoring, retryableError, revertedError } from "./rules";

/** The relayer's kind of these transactions. */
export const ANCHORING = "anchoring";

/** What recording an outcome needs. */
export interface OutcomeDeps {
  wallets: WalletStore;
  chain: Pick<Chain, "didRegistry" | "deployment">;
  /** Queues a job; adding it twice is harmless. */
  enqueueAnchoring(wallet: Pick<Wallet, "walletAddress" | "anchoring">, requestId?: string): Promise<void>;
  clock: Clock;
}

/** Records on the wallet what becomes of its transaction. */
export function anchoringHandler(deps: OutcomeDeps): RelayHandler {
  const { wallets, clock } = deps;
  return {
    onBroadcast: ({ subject }, hash) => wallets.markSubmitted(walletOf(subject), hash, clock.now()),
    onRetryableError: ({ subject }, error) =>
      wallets.recordRetryableError(walletOf(subject), retryableError(error), clock.now()),
    onOutcome: (request, outcome) => applyOutcome(deps, request, outcome),
  };
}

/** Records how a request of the relayer ended. Safe to repeat. */
export async function applyOutcome(
  deps: OutcomeDeps,
  { subject, key }: { subject: string; key: string },
  outcome: Outcome,
): Promise<void> {
  const { wallets, chain, clock } = deps;
  const walletAddress = walletOf(subject);
  const anchoringId = key.slice(subject.length + 1);
  // Somebody else's registration may be why ours was reverted or given up.
  if (outcome.state !== "mined" && (await readIdentity(chain, walletAddress)).registered) {
    return wallets.markMined(walletAddress, null, clock.now());
  }
  switch (outcome.state) {
    case "mined":
      return wallets.markMined(walletAddress, outcome, clock.now());
    case "reverted":
      return wallets.markFailed(walletAddress, anchoringId, revertedError(outcome.transactionHash), clock.now());
    case "lost":
      if (outcome.cause === "nonce_taken") return repeatAnchoring(deps, { walletAddress, anchoringId });
      return wallets.markFailed(walletAddress, anchoringId, lostError(), clock.now());
    default:
      return assertNever(outcome);
  }
}

/** Begins a request anew with the signature at hand, once however often it is called for one request. */
export async function repeatAnchoring(
  { wallets, enqueueAnchoring, clock }: Pick<OutcomeDeps, "wallets" | "enqueueAnchoring" | "clock">,
  { walletAddress, anchoringId }: { walletAddress: string; anchoringId: string },
): Promise<void> {
  const wallet = await wallets.find(walletAddress);
  if (wallet?.anchoring.id !== anchoringId) return;
  const next = newAnchoring(randomId(), wallet.anchoring.registration, clock.now());
  const replaced = await wallets.replaceAnchoring(walletAddress, anchoringId, next);
  if (replaced && next.status === "queued") await enqueueAnchoring({ walletAddress, anchoring: next });
}

/** The outcome of a transaction that is not open any more. */
export function outcomeOf({ state, receipt }: RelayerTransaction): Outcome {
  // Only a cancellation leaves a receipt behind what was lost.
  if (receipt === undefined) return { state: "lost", cause: "nonce_taken" };
  if (state === "lost" || state === "pending") return { state: "lost", cause: "rejected_by_nodes" };
  return { state, transactionHash: receipt.hash, blockNumber: receipt.blockNumber };
}

function walletOf(subject: string): string {
  return subject.slice(ANCHORING.length + 1);
}

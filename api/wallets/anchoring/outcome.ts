import type { Chain } from "../../../chain/client";
import { readIdentity } from "../../../chain/registry/identity";
import { registersIdentity } from "../../../chain/registry/registration";
import type { Outcome, RelayHandler, RequestRef } from "../../../chain/relayer/handlers";
import type { RelayerTransaction } from "../../../chain/relayer/transaction";
import type { Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { registryDomain } from "../../../chain/deployment";
import { assertNever, DomainError } from "../../../core/errors";
import type { Wallet } from "../rules";
import type { WalletStore } from "../store";
import {
  type AnchoringError,
  lostError,
  newAnchoring,
  rejectionError,
  requireSendable,
  retryableError,
  revertedError,
  signatureExpired,
} from "./rules";

/** The relayer's kind of transactions that register one DID. */
export const ANCHORING = "anchoring";

/** The relayer's kind of transactions that register several DIDs; the registry skips an entry that does not hold. */
export const BULK_ANCHORING = "bulk-anchoring";

/** What recording an outcome needs. */
export interface OutcomeDeps {
  wallets: WalletStore;
  chain: Pick<Chain, "didRegistry" | "deployment" | "provider">;
  /** Queues a job; adding it twice is harmless. */
  enqueueAnchoring(wallet: Pick<Wallet, "walletAddress" | "anchoring">, requestId?: string): Promise<void>;
  clock: Clock;
}

/** A request to anchor a wallet's DID. */
export interface AnchoringRequest {
  walletAddress: string;
  anchoringId: string;
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
  { kind, subject, key }: RequestRef,
  outcome: Outcome,
): Promise<void> {
  const { wallets, chain, clock } = deps;
  const walletAddress = walletOf(subject);
  const request = { walletAddress, anchoringId: key.slice(subject.length + 1) };
  const registry = registryDomain(chain.deployment);
  if (outcome.state === "mined" && registersIdentity(registry, outcome.logs, walletAddress)) {
    return wallets.markMined(walletAddress, outcome, clock.now());
  }
  const onChain = await readIdentity(chain, walletAddress);
  // Somebody else's registration may be why ours was skipped, reverted or given up.
  if (onChain.registered) return wallets.markMined(walletAddress, null, clock.now());
  switch (outcome.state) {
    case "mined":
      return applySkipped(deps, request, onChain);
    case "reverted":
      // It ran out of gas, whoever's fault that is: one by one, nobody depends on the others.
      if (kind === BULK_ANCHORING) return repeatAnchoring(deps, request, { alone: true });
      return failAnchoring(deps, request, revertedError(outcome.transactionHash));
    case "lost":
      if (outcome.cause === "nonce_taken") return repeatAnchoring(deps, request);
      if (outcome.cause === "expired") return failAnchoring(deps, request, rejectionError(signatureExpired()));
      // Perhaps its gas is more than this chain's blocks have.
      if (kind === BULK_ANCHORING) return repeatAnchoring(deps, request, { alone: true });
      return failAnchoring(deps, request, lostError());
    default:
      return assertNever(outcome);
  }
}

/**
 * Records why the registry skipped a registration among others. Where that cannot be seen, it is tried by a transaction
 * of its own, of which the registry says it.
 */
async function applySkipped(deps: OutcomeDeps, request: AnchoringRequest, onChain: { nonce: bigint }): Promise<void> {
  const wallet = await deps.wallets.find(request.walletAddress);
  if (wallet?.anchoring.id !== request.anchoringId || wallet.anchoring.registration === null) return;
  try {
    requireSendable(wallet.anchoring.registration, onChain, deps.clock.now());
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return failAnchoring(deps, request, rejectionError(error));
  }
  await repeatAnchoring(deps, request, { alone: true });
}

function failAnchoring(
  { wallets, clock }: Pick<OutcomeDeps, "wallets" | "clock">,
  { walletAddress, anchoringId }: AnchoringRequest,
  error: AnchoringError,
): Promise<void> {
  return wallets.markFailed(walletAddress, anchoringId, error, clock.now());
}

/**
 * Begins a request anew with the signature at hand, once however often it is called for one request.
 *
 * @param options.alone whether the registry has to take it by a transaction of its own; as before when absent
 */
export async function repeatAnchoring(
  { wallets, enqueueAnchoring, clock }: Pick<OutcomeDeps, "wallets" | "enqueueAnchoring" | "clock">,
  { walletAddress, anchoringId }: AnchoringRequest,
  options: { alone?: boolean } = {},
): Promise<void> {
  const wallet = await wallets.find(walletAddress);
  if (wallet?.anchoring.id !== anchoringId) return;
  const { registration, alone } = wallet.anchoring;
  const next = newAnchoring(randomId(), registration, clock.now(), { alone, ...options });
  const replaced = await wallets.replaceAnchoring(walletAddress, anchoringId, next);
  if (replaced && next.status === "queued") await enqueueAnchoring({ walletAddress, anchoring: next });
}

/**
 * The outcome of a transaction that is not pending any more.
 *
 * @throws TransientError `rpc.unreachable`
 */
export async function outcomeOf(
  { provider }: Pick<Chain, "provider">,
  { state, receipt }: RelayerTransaction,
): Promise<Outcome> {
  // Only a cancellation leaves a receipt behind what was lost.
  if (receipt === undefined) return { state: "lost", cause: "nonce_taken" };
  const { hash: transactionHash, blockNumber } = receipt;
  switch (state) {
    case "mined": {
      const logs = (await provider.getTransactionReceipt(transactionHash))?.logs ?? [];
      return { state, transactionHash, blockNumber, logs };
    }
    case "reverted":
      return { state, transactionHash, blockNumber };
    case "lost":
    case "pending":
      return { state: "lost", cause: "rejected_by_nodes" };
    default:
      return assertNever(state);
  }
}

function walletOf(subject: string): string {
  return subject.slice(ANCHORING.length + 1);
}

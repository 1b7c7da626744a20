import type { Clock } from "../../../core/clock";
import { DomainError, TransientError } from "../../../core/errors";
import type { RelayerTransaction } from "../../../chain/relayer/transaction";
import type { Outcome, RelayHandler } from "../../../chain/relayer/handlers";
import type { Relayer } from "../../../chain/relayer/relayer";
import type { Chain } from "../../../chain/client";
import { registryDomain } from "../../../chain/deployment";
import { readIdentity } from "../../../chain/registry/identity";
import { registrationCall } from "../../../chain/registry/registration";
import { type AnchoringFault, faultOf, requireSendable, revertedRegistration } from "./rules";
import type { Wallet, WalletStore } from "../store";

/** What a job says: whose DID to anchor, and by which request. */
export interface AnchoringJob {
  walletAddress: string;
  anchoringId: string;
}

/** What noting an outcome needs of the outside. */
export interface OutcomeParts {
  wallets: WalletStore;
  chain: Pick<Chain, "didRegistry" | "deployment">;
  /** Begins a new request with the same signature, in place of one that came to nothing by no fault of anybody's. */
  repeat(walletAddress: string, anchoringId: string): Promise<void>;
  clock: Clock;
}

/** What anchoring needs of the outside. */
export interface AnchorParts extends OutcomeParts {
  relayer: Relayer;
}

/** The relayer's kind of these transactions. */
export const ANCHORING = "anchoring";

/**
 * Takes one step towards the anchoring of a wallet's DID: hands its registration to the relayer, unless the registry has
 * the DID or the relayer has the transaction already. Safe to repeat and to run twice at once. A refusal ends as a
 * failure the user sees.
 *
 * @throws TransientError when it has to be tried again; the user sees why meanwhile
 */
export async function anchorWallet(parts: AnchorParts, { walletAddress, anchoringId }: AnchoringJob): Promise<void> {
  const wallet = await parts.wallets.find(walletAddress);
  // Unlinked, or asked for anew since: that request has a job of its own.
  if (wallet?.anchoring.id !== anchoringId || !isWaiting(wallet)) return;
  try {
    await submitOrRefuse(parts, wallet);
  } catch (error) {
    await parts.wallets.noteTrouble(walletAddress, troubleOf(error), parts.clock.now());
    throw error;
  }
}

async function submitOrRefuse(parts: AnchorParts, wallet: Wallet): Promise<void> {
  const { walletAddress, anchoring } = wallet;
  try {
    await submit(parts, wallet);
  } catch (error) {
    const refusal = error instanceof DomainError ? error : revertedRegistration(error);
    if (refusal === undefined) throw error;
    // Another worker may have been faster with the same job: then it is that very success the registry speaks of.
    if ((await readIdentity(parts.chain, walletAddress)).registered) {
      await parts.wallets.noteMined(walletAddress, null, parts.clock.now());
      return;
    }
    // What the relayer has in hand is noted by whoever settles it.
    if ((await parts.relayer.find(requestOf(wallet))) !== null) return;
    await parts.wallets.noteFailed(walletAddress, anchoring.id, faultOf(refusal), parts.clock.now());
  }
}

/** Failed ones are tried when an operator puts their job back. */
function isWaiting({ anchoring: { status, fault } }: Wallet): boolean {
  return status === "queued" || (status === "failed" && fault?.remedy === "retry");
}

async function submit(parts: AnchorParts, wallet: Wallet): Promise<void> {
  const { walletAddress, anchoring } = wallet;
  const request = requestOf(wallet);
  const kept = await parts.relayer.find(request);
  if (kept?.open === true) return;
  if (kept?.key === request.key) {
    await onSettled(parts, kept, outcomeOf(kept));
    if (kept.state !== "mined") return;
  }
  const onChain = await readIdentity(parts.chain, walletAddress);
  if (onChain.registered) {
    // By the holder, or by an earlier request: either way it is there.
    await parts.wallets.noteMined(walletAddress, null, parts.clock.now());
    return;
  }
  if (anchoring.registration === null) return;
  requireSendable(anchoring.registration, onChain, parts.clock.now());
  const call = registrationCall(registryDomain(parts.chain.deployment), anchoring.registration);
  await parts.relayer.submit({ ...request, kind: ANCHORING, call });
}

function requestOf({ walletAddress, anchoring }: Wallet) {
  return { subject: `${ANCHORING}/${walletAddress}`, key: `${ANCHORING}/${walletAddress}/${anchoring.id}` };
}

/** Notes on the wallet what becomes of its transaction. */
export function anchoringHandler(parts: OutcomeParts): RelayHandler {
  return {
    onBroadcast: (relayed, hash) => parts.wallets.noteSubmitted(walletOf(relayed.subject), hash, parts.clock.now()),
    onRetryableError: ({ subject }, trouble) =>
      parts.wallets.noteTrouble(walletOf(subject), troubleOf(trouble), parts.clock.now()),
    onOutcome: (relayed, outcome) => onSettled(parts, relayed, outcome),
  };
}

async function onSettled(
  parts: OutcomeParts,
  { subject, key }: { subject: string; key: string },
  outcome: Outcome,
): Promise<void> {
  const { wallets, chain, clock } = parts;
  const walletAddress = walletOf(subject);
  if (outcome.state === "mined") {
    await wallets.noteMined(walletAddress, outcome, clock.now());
    return;
  }
  // Somebody else's registration may be why ours was refused or given up.
  if ((await readIdentity(chain, walletAddress)).registered) {
    await wallets.noteMined(walletAddress, null, clock.now());
    return;
  }
  const anchoringId = key.slice(subject.length + 1);
  if (outcome.state === "lost" && outcome.cause === "nonce_taken") {
    await parts.repeat(walletAddress, anchoringId);
    return;
  }
  await wallets.noteFailed(walletAddress, anchoringId, faultOfOutcome(outcome), clock.now());
}

function faultOfOutcome(outcome: Exclude<Outcome, { state: "mined" }>): AnchoringFault {
  if (outcome.state === "lost") {
    const message = "No node of the chain would take the transaction. Ask for anchoring again.";
    return { code: "anchoring.lost", message, remedy: "retry" };
  }
  const message = `The registry refused the registration in transaction ${outcome.transactionHash}. Sign the registration again.`;
  return { code: "anchoring.reverted", message, remedy: "sign" };
}

function outcomeOf({ state, receipt }: RelayerTransaction): Outcome {
  // Only a filler leaves a receipt behind what was lost.
  if (receipt === undefined) return { state: "lost", cause: "nonce_taken" };
  if (state === "lost" || state === "pending") return { state: "lost", cause: "rejected_by_nodes" };
  return { state, transactionHash: receipt.hash, blockNumber: receipt.blockNumber };
}

function walletOf(subject: string): string {
  return subject.slice(ANCHORING.length + 1);
}

/** What the user reads while it is tried again. */
function troubleOf(error: unknown): AnchoringFault {
  const code = error instanceof TransientError ? error.code : "anchoring.delayed";
  const reason = error instanceof TransientError ? error.message : "Something unforeseen stands in the way.";
  return { code, message: `${reason} Anchoring is tried again by itself.`, remedy: "automatic" };
}

/** What the user reads when no try succeeded for long. */
export function exhaustedFault(error: Error): AnchoringFault {
  const reason = error instanceof TransientError ? error.message : "Something unforeseen stood in the way.";
  return { code: "anchoring.exhausted", message: `${reason} Ask for anchoring again later.`, remedy: "retry" };
}

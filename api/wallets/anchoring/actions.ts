import { registryDomain } from "../../../chain/deployment";
import { readIdentity } from "../../../chain/registry/identity";
import { registrationCall, type SignedRegistration } from "../../../chain/registry/registration";
import type { Relayer } from "../../../chain/relayer/relayer";
import { addSeconds, type Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { DomainError, messageOf } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import {
  attemptChallenge,
  type Caller,
  type ChallengeDeps,
  consumeChallenge,
  verifyRegistration,
} from "../challenges/actions";
import type { Timing } from "../../../process/context";
import type { Projection } from "../../../projection/queries";
import { requireOwnWallet, type ShownWallet, showWallet, type Wallet } from "../rules";
import type { WalletStore } from "../store";
import { readIndexedRegistration } from "./indexedRegistration";
import { ANCHORING, applyOutcome, type OutcomeDeps, outcomeOf, repeatAnchoring } from "./outcome";
import {
  isUnderWay,
  isWaiting,
  newAnchoring,
  rejectionError,
  requireReusable,
  requireSendable,
  retryableError,
  revertedRegistration,
} from "./rules";

/** What a job says: whose DID to anchor, and by which request. */
export interface AnchoringJob {
  walletAddress: string;
  anchoringId: string;
}

/** By what the log lines of a request are found. */
export interface Trace {
  requestId: string;
  logger: Logger;
}

/** What requesting an anchoring needs. */
export interface RequestDeps {
  wallets: WalletStore;
  projection: Pick<Projection, "findDid">;
  /** Queues a job; adding it twice is harmless. */
  enqueueAnchoring(wallet: Pick<Wallet, "walletAddress" | "anchoring">, requestId?: string): Promise<void>;
  clock: Clock;
}

/** What a worker needs to anchor. */
export interface AnchorDeps extends OutcomeDeps {
  relayer: Pick<Relayer, "find" | "submit">;
}

/** What a worker needs to find wallets that have no job. */
export interface SweepDeps extends OutcomeDeps, RequestDeps {
  wallets: WalletStore;
  timing: Pick<Timing, "sweepAfterSeconds" | "unseenSeconds">;
}

/** Wallets read in one sweep. */
const SWEEP_LIMIT = 500;

/**
 * Anchors the DID of a linked wallet after all: with a fresh signature, or by trying again with the one at hand. While
 * it is under way, asking again changes nothing.
 *
 * @throws DomainError `wallet.not_found`, `anchoring.signature_required`, those of {@link attemptChallenge} and
 * {@link verifyRegistration}
 */
export async function requestAnchoring(
  deps: ChallengeDeps & RequestDeps,
  input: {
    caller: Caller;
    walletAddress: string;
    nonce?: string | undefined;
    registrationSignature?: string | undefined;
  },
  trace: Trace,
): Promise<ShownWallet> {
  const { walletAddress, registrationSignature, nonce } = input;
  const { userId, sessionId } = input.caller;
  const wallet = requireOwnWallet(await deps.wallets.find(walletAddress), userId);
  const shown = showWallet(wallet, await readIndexedRegistration(deps, walletAddress));
  if (shown.anchoring.status === "anchored" || isUnderWay(wallet.anchoring)) return shown;
  let registration = null;
  if (registrationSignature === undefined) {
    registration = requireReusable(wallet.anchoring, deps.clock.now());
  } else {
    const challenge = await attemptChallenge(deps, { purpose: "anchor", walletAddress, sessionId, nonce });
    registration = await verifyRegistration(deps, challenge, registrationSignature);
    await consumeChallenge(deps, challenge);
    if (registration === null) return shown;
  }
  const replaced = await replaceAnchoring(deps, wallet, registration, trace);
  return showWallet(replaced, await readIndexedRegistration(deps, walletAddress));
}

/** Begins a new request in place of the wallet's present one. Of several at once one counts; all get that one. */
export async function replaceAnchoring(
  deps: Pick<RequestDeps, "wallets" | "enqueueAnchoring" | "clock">,
  wallet: Wallet,
  registration: SignedRegistration,
  trace: Trace,
): Promise<Wallet> {
  const { walletAddress } = wallet;
  const next = newAnchoring(randomId(), registration, deps.clock.now());
  if (!(await deps.wallets.replaceAnchoring(walletAddress, wallet.anchoring.id, next))) {
    return (await deps.wallets.find(walletAddress)) ?? wallet;
  }
  const replaced = { ...wallet, anchoring: next };
  await enqueueOrLeaveToSweep(deps, replaced, trace);
  return replaced;
}

/** Queues the job of a stored request. Without Redis the worker's sweep finds the wallet, which says `queued`. */
export async function enqueueOrLeaveToSweep(
  { enqueueAnchoring }: Pick<RequestDeps, "enqueueAnchoring">,
  wallet: Wallet,
  { requestId, logger }: Trace,
): Promise<void> {
  try {
    await enqueueAnchoring(wallet, requestId);
  } catch (error) {
    logger.warn({ err: error, reason: messageOf(error) }, "the anchoring job could not be queued; the sweep will");
  }
}

/**
 * Takes one step towards the anchoring of a wallet's DID: hands its registration to the relayer, unless the registry has
 * the DID or the relayer has the transaction already. Safe to repeat and to run twice at once. A rejection ends as a
 * failure the user sees.
 *
 * @throws TransientError when it has to be tried again; the user sees why meanwhile
 */
export async function anchorWallet(deps: AnchorDeps, { walletAddress, anchoringId }: AnchoringJob): Promise<void> {
  const { wallets, clock } = deps;
  const wallet = await wallets.find(walletAddress);
  // Unlinked, or asked for anew since: that request has a job of its own.
  if (wallet?.anchoring.id !== anchoringId || !isWaiting(wallet.anchoring)) return;
  try {
    await submitOrFail(deps, wallet);
  } catch (error) {
    await wallets.recordRetryableError(walletAddress, retryableError(error), clock.now());
    throw error;
  }
}

async function submitOrFail(deps: AnchorDeps, wallet: Wallet): Promise<void> {
  const { wallets, chain, relayer, clock } = deps;
  const { walletAddress, anchoring } = wallet;
  try {
    await submit(deps, wallet);
  } catch (error) {
    const rejection = error instanceof DomainError ? error : revertedRegistration(error);
    if (rejection === undefined) throw error;
    // Another worker may have been faster with the same job: then it is that very success the registry speaks of.
    if ((await readIdentity(chain, walletAddress)).registered) {
      await wallets.markMined(walletAddress, null, clock.now());
      return;
    }
    // The outcome of what the relayer has in hand is recorded by its handler.
    if ((await relayer.find(requestOf(wallet))) !== null) return;
    await wallets.markFailed(walletAddress, anchoring.id, rejectionError(rejection), clock.now());
  }
}

async function submit(deps: AnchorDeps, wallet: Wallet): Promise<void> {
  const { wallets, chain, relayer, clock } = deps;
  const { walletAddress, anchoring } = wallet;
  const request = requestOf(wallet);
  const transaction = await relayer.find(request);
  if (transaction?.open === true) return;
  if (transaction?.key === request.key) {
    await applyOutcome(deps, transaction, outcomeOf(transaction));
    if (transaction.state !== "mined") return;
  }
  const onChain = await readIdentity(chain, walletAddress);
  if (onChain.registered) {
    // By the holder, or by an earlier request: either way it is there.
    await wallets.markMined(walletAddress, null, clock.now());
    return;
  }
  if (anchoring.registration === null) return;
  requireSendable(anchoring.registration, onChain, clock.now());
  await relayer.submit({
    ...request,
    kind: ANCHORING,
    call: registrationCall(registryDomain(chain.deployment), anchoring.registration),
  });
}

function requestOf({ walletAddress, anchoring }: Wallet) {
  return { subject: `${ANCHORING}/${walletAddress}`, key: `${ANCHORING}/${walletAddress}/${anchoring.id}` };
}

/** How many wallets a sweep moved on. */
export interface SweepReport {
  requeued: number;
  anchored: number;
  repeated: number;
}

/** Queues wallets whose job is gone, and compares with the index and the registry those whose registration is mined. */
export async function sweepWallets(deps: SweepDeps): Promise<SweepReport> {
  const { wallets, clock, timing } = deps;
  const now = clock.now();
  const before = addSeconds(now, -timing.sweepAfterSeconds);
  const report = { requeued: 0, anchored: 0, repeated: 0 };
  for (const wallet of await wallets.waitingSince("queued", before, SWEEP_LIMIT)) {
    await deps.enqueueAnchoring(wallet);
    report.requeued += 1;
  }
  for (const wallet of await wallets.waitingSince("mined", before, SWEEP_LIMIT)) {
    const indexed = await readIndexedRegistration(deps, wallet.walletAddress);
    if (indexed?.finalized === true) {
      await wallets.markAnchored(wallet.walletAddress, now);
      report.anchored += 1;
    } else if (indexed === null && wallet.anchoring.updatedAt < addSeconds(now, -timing.unseenSeconds)) {
      report.repeated += await repeatUnlessRegistered(deps, wallet);
    }
  }
  return report;
}

/** A reorg may have taken the registration out of the chain for good. */
async function repeatUnlessRegistered(deps: OutcomeDeps, { walletAddress, anchoring }: Wallet): Promise<number> {
  if ((await readIdentity(deps.chain, walletAddress)).registered) return 0;
  await repeatAnchoring(deps, { walletAddress, anchoringId: anchoring.id });
  return 1;
}

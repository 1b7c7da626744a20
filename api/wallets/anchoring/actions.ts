import { readIdentity } from "../../../chain/registry/identity";
import type { SignedRegistration } from "../../../chain/registry/registration";
import { addSeconds, type Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { messageOf } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import {
  attemptChallenge,
  type Caller,
  type ChallengeDeps,
  consumeChallenge,
  verifyRegistration,
} from "../challenges/actions";
import type { Context, Timing } from "../../../process/context";
import type { Projection } from "../../../projection/queries";
import { readShownWallet } from "../indexedWallet";
import { requireOwnWallet, type ShownWallet, type Wallet } from "../rules";
import type { WalletStore } from "../store";
import { readIndexedRegistration } from "./indexedRegistration";
import { type OutcomeDeps, repeatAnchoring } from "./outcome";
import { type PaymentDeps, requirePaidFor } from "./payment";
import { isUnderWay, newAnchoring, requireReusable } from "./rules";

/** By what the log lines of a request are found. */
export interface Trace {
  requestId: string;
  logger: Logger;
}

/** What requesting an anchoring needs. */
export interface RequestDeps extends PaymentDeps, Pick<Context, "budgets"> {
  wallets: WalletStore;
  projection: Pick<Projection, "findDid" | "findControlled">;
  /** Queues a job; adding it twice is harmless. */
  enqueueAnchoring(wallet: Pick<Wallet, "walletAddress" | "anchoring">, requestId?: string): Promise<void>;
  clock: Clock;
}

/** What a worker needs to find wallets that have no job. */
export interface SweepDeps extends OutcomeDeps, RequestDeps {
  /** Stores an event for the user's devices, once for each key. */
  appendUserEvent(event: {
    userId: string;
    type: "wallet.anchored";
    key: string;
    payload: { walletAddress: string; did: string };
    at: Date;
  }): Promise<void>;
  wallets: WalletStore;
  timing: Pick<Timing, "sweepAfterSeconds" | "unseenSeconds">;
}

/** Wallets read in one sweep. */
const SWEEP_LIMIT = 500;

/**
 * Anchors the DID of a linked wallet after all: with a fresh signature, or by trying again with the one at hand. While
 * it is under way, asking again changes nothing.
 *
 * @throws DomainError `wallet.not_found`, `anchoring.signature_required`, those of {@link requirePaidFor},
 * {@link attemptChallenge} and {@link verifyRegistration}; `relayer.budget_used_up`, `relayer.backing_off`
 * @throws TransientError `relayer.stopped`, `relayer.day_budget_used_up`
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
  const shown = await readShownWallet(deps, wallet);
  if (shown.anchoring.status === "anchored" || isUnderWay(wallet.anchoring)) return shown;
  const { walletAddress: id } = wallet;
  await requirePaidFor(deps, { ...wallet, signature: registrationSignature });
  await deps.budgets.requirePayable([
    { kind: "wallet", id },
    { kind: "user", id: wallet.userId },
  ]);
  let registration = null;
  if (registrationSignature === undefined) {
    registration = requireReusable(wallet.anchoring, deps.clock.now());
  } else {
    const challenge = await attemptChallenge(deps, { purpose: "anchor", walletAddress, sessionId, nonce });
    registration = await verifyRegistration(deps, challenge, registrationSignature);
    await consumeChallenge(deps, challenge);
    if (registration === null) return shown;
  }
  return readShownWallet(deps, await replaceAnchoring(deps, wallet, registration, trace));
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
      await tellAnchored(deps, wallet, now);
      await wallets.markAnchored(wallet.walletAddress, now);
      report.anchored += 1;
    } else if (indexed === null && wallet.anchoring.updatedAt < addSeconds(now, -timing.unseenSeconds)) {
      report.repeated += await repeatUnlessRegistered(deps, wallet);
    }
  }
  return report;
}

/** Before the state: dying in between repeats this, and the event is stored once. */
async function tellAnchored(
  { appendUserEvent }: Pick<SweepDeps, "appendUserEvent">,
  { userId, walletAddress, did, anchoring }: Wallet,
  at: Date,
): Promise<void> {
  await appendUserEvent({ userId, type: "wallet.anchored", key: anchoring.id, payload: { walletAddress, did }, at });
}

/** A reorg may have taken the registration out of the chain for good. */
async function repeatUnlessRegistered(deps: OutcomeDeps, { walletAddress, anchoring }: Wallet): Promise<number> {
  if ((await readIdentity(deps.chain, walletAddress)).registered) return 0;
  await repeatAnchoring(deps, { walletAddress, anchoringId: anchoring.id });
  return 1;
}

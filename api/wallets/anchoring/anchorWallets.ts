import { registryDomain } from "../../../chain/deployment";
import { readIdentity } from "../../../chain/registry/identity";
import { bulkRegistrationCall, registrationCall, type SignedRegistration } from "../../../chain/registry/registration";
import { insufficientFunds } from "../../../chain/relayer/handlers";
import type { Beneficiary } from "../../../chain/relayer/policy";
import type { Relayer } from "../../../chain/relayer/relayer";
import type { Charge, RelayerTransaction } from "../../../chain/relayer/transaction";
import { DomainError, messageOf, TransientError } from "../../../core/errors";
import type { Wallet } from "../rules";
import {
  fitBatch,
  MAX_SHARED_GAS,
  packBatches,
  type PricedEntry,
  type RegistrationBatch,
  withoutEntries,
} from "./batches";
import { ANCHORING, type AnchoringRequest, applyOutcome, BULK_ANCHORING, type OutcomeDeps, outcomeOf } from "./outcome";
import { isKeySignature, type PaymentDeps, requirePaidFor } from "./payment";
import { isWaiting, rejectionError, requireSendable, retryableError, revertedRegistration } from "./rules";

/** What a worker needs to anchor. */
export interface AnchorDeps extends OutcomeDeps, PaymentDeps {
  relayer: Pick<Relayer, "address" | "find" | "findMany" | "submit" | "submitShared" | "reserve" | "affordableGas">;
}

/** A wallet whose registration can be sent. */
export interface SignedWallet extends Wallet {
  anchoring: Wallet["anchoring"] & { registration: SignedRegistration };
}

/** Most gas that the registration of a key's wallet is tried out with. */
const MAX_GAS = 1_000_000n;

/**
 * Takes one step towards the anchoring of wallets' DIDs: hands their registrations to the relayer, those of several by
 * one transaction, except where the registry has the DID or the relayer has its transaction already. Safe to repeat and
 * to run twice at once. A rejection ends as a failure the user sees, and no wallet's failure touches another.
 *
 * @returns for each request, in their order: null when its step is taken; the wallet when it has to go by a transaction
 * of its own, by {@link anchorAlone}; an error when it has to be tried again, which its user sees meanwhile
 */
export async function anchorWallets(
  deps: AnchorDeps,
  requests: AnchoringRequest[],
): Promise<(SignedWallet | Error | null)[]> {
  const answers = new Map<string, SignedWallet | Error>();
  const leaveAlone = (wallet: SignedWallet) => void answers.set(wallet.anchoring.id, wallet);

  /** Does something for wallets; where it fails, they are out, and null is the result. */
  async function attempt<T>(wallets: Wallet[], work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      await Promise.all(
        wallets.map(async (wallet) => {
          const retryable = await handleError(deps, wallet, error);
          if (retryable !== null) answers.set(wallet.anchoring.id, retryable);
        }),
      );
      return null;
    }
  }
  const attemptEach = async <W extends Wallet, T>(wallets: W[], work: (wallet: W, at: number) => Promise<T | null>) =>
    (await Promise.all(wallets.map((wallet, at) => attempt([wallet], () => work(wallet, at))))).filter(isPresent);

  const waiting = await findWaiting(deps, requests);
  const known = await attempt(waiting, () => deps.relayer.findMany(waiting.map(requestOf)));
  if (known !== null) {
    const sendable = await attemptEach(waiting, (wallet, at) => requireUnsent(deps, wallet, known[at] ?? null));
    const together = sendable.filter(({ anchoring }) => !anchoring.alone);
    sendable.filter(({ anchoring }) => anchoring.alone).forEach(leaveAlone);
    // One that nobody waits with needs no price of its own: the relayer asks for it when it is submitted.
    const lone = together.length === 1 ? together : [];
    lone.filter(asksContract).forEach(leaveAlone);
    const several = together.length === 1 ? [] : together;
    const priced = await attemptEach(several, (wallet) => priceEntry(deps, wallet, leaveAlone));
    const { batches, alone } = packBatches(priced);
    const reserveEach = async (batch: RegistrationBatch<SignedWallet>) => {
      const reserved = await attemptEach(batch.entries, async (wallet) => ({
        wallet,
        charges: await deps.relayer.reserve(beneficiariesOf(wallet), batch.gasLimit / BigInt(batch.entries.length)),
      }));
      const paid = new Map(reserved.map(({ wallet, charges }) => [wallet, charges]));
      return { batch: withoutEntries(batch, (wallet) => paid.has(wallet)), charges: [...paid.values()].flat() };
    };
    const submitPayable = async (whole: RegistrationBatch<SignedWallet>) => {
      const gas = await attempt(whole.entries, () => deps.relayer.affordableGas());
      if (gas === null) return;
      const { batch, left } = fitBatch(whole, gas);
      await attemptEach(left, () => Promise.reject(insufficientFunds(deps.relayer.address)));
      const reserved = await reserveEach(batch);
      if (reserved.batch.entries.length === 0) return;
      await attempt(reserved.batch.entries, () => submitBatch(deps, reserved.batch, reserved.charges));
    };
    await Promise.all([
      ...batches.map(submitPayable),
      attemptEach([...alone, ...lone.filter((wallet) => !asksContract(wallet))], (wallet) => submitAlone(deps, wallet)),
    ]);
  }
  return requests.map(({ anchoringId }) => answers.get(anchoringId) ?? null);
}

/**
 * Hands a wallet's registration to the relayer for a transaction of its own. What its contract does with the signature
 * may take long, and delays nobody else here.
 *
 * @throws TransientError when it has to be tried again, which its user sees meanwhile
 */
export async function anchorAlone(deps: AnchorDeps, wallet: SignedWallet): Promise<void> {
  try {
    await submitAlone(deps, wallet);
  } catch (error) {
    const retryable = await handleError(deps, wallet, error);
    if (retryable !== null) throw retryable;
  }
}

/** Requests whose wallet was unlinked, or that were replaced by another with a job of its own, are dropped. */
async function findWaiting({ wallets }: AnchorDeps, requests: AnchoringRequest[]): Promise<Wallet[]> {
  const asked = new Set(requests.map(({ anchoringId }) => anchoringId));
  const found = await wallets.findMany(requests.map(({ walletAddress }) => walletAddress));
  return found.filter(({ anchoring }) => asked.has(anchoring.id) && isWaiting(anchoring));
}

/**
 * Lets a wallet pass whose registration is still to be sent.
 *
 * @returns null when nothing is left to do
 * @throws DomainError those of {@link requireSendable} and {@link requirePaidFor}
 */
async function requireUnsent(
  deps: AnchorDeps,
  wallet: Wallet,
  transaction: RelayerTransaction | null,
): Promise<SignedWallet | null> {
  const { wallets, chain, clock } = deps;
  const { walletAddress, anchoring } = wallet;
  if (transaction !== null) {
    if (transaction.open || transaction.state === "pending") return null;
    const { kind } = transaction;
    await applyOutcome(deps, { kind, ...requestOf(wallet) }, await outcomeOf(chain, transaction));
    return null;
  }
  const onChain = await readIdentity(chain, walletAddress);
  if (onChain.registered) {
    // By the holder, or by an earlier request: either way it is there.
    await wallets.markMined(walletAddress, null, clock.now());
    return null;
  }
  if (anchoring.registration === null) return null;
  requireSendable(anchoring.registration, onChain, clock.now());
  await requirePaidFor(deps, { ...wallet, signature: anchoring.registration.signature });
  return wallet as SignedWallet;
}

/**
 * Has the node estimate what a registration costs by itself.
 *
 * @param leaveAlone called, with null as the result, when its contract takes more than it may among others
 * @throws the provider's CALL_EXCEPTION when the registry would refuse it, with the reason
 */
async function priceEntry(
  { chain, relayer }: AnchorDeps,
  wallet: SignedWallet,
  leaveAlone: (wallet: SignedWallet) => void,
): Promise<PricedEntry<SignedWallet> | null> {
  const { registration } = wallet.anchoring;
  const call = registrationCall(registryDomain(chain.deployment), registration);
  const isContracts = asksContract(wallet);
  try {
    const gasLimit = isContracts ? MAX_SHARED_GAS : MAX_GAS;
    const estimate = await chain.provider.estimateGas({ ...call, from: relayer.address, gasLimit });
    return { entry: wallet, estimate, asksContract: isContracts };
  } catch (error) {
    if (!isContracts || error instanceof TransientError) throw error;
    leaveAlone(wallet);
    return null;
  }
}

async function submitBatch(
  { chain, relayer }: AnchorDeps,
  { entries: wallets, gasLimit }: RegistrationBatch<SignedWallet>,
  charges: Charge[],
): Promise<void> {
  const registrations = wallets.map(({ anchoring }) => anchoring.registration);
  const stored = await relayer.submitShared({
    kind: BULK_ANCHORING,
    requests: wallets.map(requestOf),
    call: bulkRegistrationCall(registryDomain(chain.deployment), registrations),
    gasLimit,
    charges,
    // Of several the last: until then one of them may still be registered.
    expiresAt: new Date(Math.max(...registrations.map(({ deadline }) => deadline.getTime()))),
  });
  // The next try finds which of them it was.
  if (stored === null)
    throw new TransientError("anchoring.contended", "Another worker has one of these registrations.");
}

async function submitAlone({ chain, relayer }: AnchorDeps, wallet: SignedWallet): Promise<void> {
  await relayer.submit({
    ...requestOf(wallet),
    kind: ANCHORING,
    call: registrationCall(registryDomain(chain.deployment), wallet.anchoring.registration),
    beneficiaries: beneficiariesOf(wallet),
    expiresAt: wallet.anchoring.registration.deadline,
  });
}

/** Records an error on a wallet. A rejection is final; any other error is returned, to be tried again. */
async function handleError(deps: AnchorDeps, wallet: Wallet, error: unknown): Promise<Error | null> {
  try {
    const rejection = error instanceof DomainError ? error : revertedRegistration(error);
    if (rejection === undefined) throw error;
    await recordRejection(deps, wallet, rejection);
    return null;
  } catch (retryable) {
    await deps.wallets.recordRetryableError(wallet.walletAddress, retryableError(retryable), deps.clock.now());
    return retryable instanceof Error ? retryable : new Error(messageOf(retryable));
  }
}

async function recordRejection(deps: AnchorDeps, wallet: Wallet, rejection: DomainError): Promise<void> {
  const { wallets, chain, relayer, clock } = deps;
  const { walletAddress, anchoring } = wallet;
  // Another worker may have been faster with the same job: then it is that very success the registry speaks of.
  if ((await readIdentity(chain, walletAddress)).registered) {
    await wallets.markMined(walletAddress, null, clock.now());
    return;
  }
  // The outcome of what the relayer has in hand is recorded by its handler.
  if ((await relayer.find(requestOf(wallet))) !== null) return;
  await wallets.markFailed(walletAddress, anchoring.id, rejectionError(rejection), clock.now());
}

function requestOf({ walletAddress, anchoring }: Wallet) {
  return { subject: `${ANCHORING}/${walletAddress}`, key: `${ANCHORING}/${walletAddress}/${anchoring.id}` };
}

function beneficiariesOf({ walletAddress, userId }: Wallet): Beneficiary[] {
  return [
    { kind: "wallet", id: walletAddress },
    { kind: "user", id: userId },
  ];
}

/** Whether a contract decides on the signature: any but one that a key made. */
function asksContract({ kind, anchoring }: SignedWallet): boolean {
  return kind !== "key" || !isKeySignature(anchoring.registration.signature);
}

function isPresent<T>(value: T | null): value is T {
  return value !== null;
}

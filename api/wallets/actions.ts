import { formatDid } from "../../chain/did/did";
import { randomId } from "../../core/crypto";
import { enqueueOrLeaveToSweep, replaceAnchoring, type RequestDeps, type Trace } from "./anchoring/actions";
import { readIndexedRegistration } from "./anchoring/indexedRegistration";
import { isUnderWay, newAnchoring } from "./anchoring/rules";
import {
  attemptChallenge,
  type Caller,
  type ChallengeDeps,
  consumeChallenge,
  verifyRegistration,
} from "./challenges/actions";
import { messageDigest, verifyWalletSignature } from "./challenges/walletSignature";
import {
  type ShownWallet,
  showWallet,
  type Wallet,
  walletLinkedElsewhere,
  walletNotFound,
  walletNotLinked,
} from "./rules";
import type { WalletStore } from "./store";

export interface WalletDeps extends ChallengeDeps, RequestDeps {
  wallets: WalletStore;
}

/**
 * Links a wallet to the caller's account, its control proved by the signature of a challenge. With the second signature
 * the anchoring of its DID is queued. Linking one's own wallet again changes nothing but that.
 *
 * @param input.nonce names the challenge; without it the session's latest for this wallet is meant
 * @throws DomainError `wallet.linked_elsewhere`, and those of {@link attemptChallenge} and {@link verifyWalletSignature}
 */
export async function linkWallet(
  deps: WalletDeps,
  input: {
    caller: Caller;
    walletAddress: string;
    nonce?: string | undefined;
    signature: string;
    registrationSignature?: string | undefined;
  },
  trace: Trace,
): Promise<ShownWallet> {
  const { wallets, chain, clock } = deps;
  const { walletAddress, signature, nonce, caller } = input;
  const { userId, sessionId } = caller;
  const challenge = await attemptChallenge(deps, { purpose: "link", walletAddress, sessionId, nonce });
  const digest = messageDigest(challenge.message);
  const { kind } = await verifyWalletSignature(chain, { walletAddress, digest, signature });
  const registration = await verifyRegistration(deps, challenge, input.registrationSignature);
  await consumeChallenge(deps, challenge);

  const now = clock.now();
  const did = formatDid(chain.deployment.didMethod, walletAddress);
  const anchoring = newAnchoring(randomId(), registration, now);
  // Known to the registry already: nothing to sign, the index will show it.
  if (challenge.registration === null) anchoring.status = "mined";
  const wallet: Wallet = { walletAddress, userId, did, kind, verifiedAt: now, anchoring };
  if (await wallets.insert(wallet)) {
    if (registration !== null) await enqueueOrLeaveToSweep(deps, wallet, trace);
    return show(deps, wallet);
  }
  const existing = await wallets.find(walletAddress);
  if (existing?.userId !== userId) throw walletLinkedElsewhere();
  if (registration === null || isUnderWay(existing.anchoring)) return show(deps, existing);
  return show(deps, await replaceAnchoring(deps, existing, registration, trace));
}

/**
 * Finds the user of a linked wallet whose control the signature of a challenge proves.
 *
 * @throws DomainError `wallet.not_linked`, and those of {@link attemptChallenge} and {@link verifyWalletSignature}
 */
export async function authenticateWallet(
  deps: ChallengeDeps,
  input: { walletAddress: string; nonce: string; signature: string },
): Promise<{ userId: string; did: string }> {
  const { walletAddress, nonce, signature } = input;
  const challenge = await attemptChallenge(deps, { purpose: "login", walletAddress, sessionId: null, nonce });
  await verifyWalletSignature(deps.chain, { walletAddress, digest: messageDigest(challenge.message), signature });
  await consumeChallenge(deps, challenge);
  const wallet = await deps.wallets.find(walletAddress);
  if (wallet === null) throw walletNotLinked();
  return { userId: wallet.userId, did: wallet.did };
}

/** A user's wallets and their DIDs, the first linked first. */
export async function walletsOf(
  { wallets }: Pick<WalletDeps, "wallets">,
  userId: string,
): Promise<{ walletAddress: string; did: string }[]> {
  return (await wallets.ofUser(userId)).map(({ walletAddress, did }) => ({ walletAddress, did }));
}

/** The DIDs a user has proved control of. */
export async function didsOf(deps: Pick<WalletDeps, "wallets">, userId: string): Promise<string[]> {
  return (await walletsOf(deps, userId)).map(({ did }) => did);
}

/** Whether the consent to a wallet's registration is on its way to the chain. */
export async function isBeingAnchored(
  { wallets }: { wallets: Pick<WalletStore, "find"> },
  walletAddress: string,
): Promise<boolean> {
  const status = (await wallets.find(walletAddress))?.anchoring.status;
  return status === "queued" || status === "submitted";
}

/** A user's wallets as they are shown, the first linked first. */
export async function listWallets(
  deps: Pick<WalletDeps, "wallets" | "projection">,
  userId: string,
): Promise<ShownWallet[]> {
  const wallets = await deps.wallets.ofUser(userId);
  return Promise.all(wallets.map((wallet) => show(deps, wallet)));
}

/**
 * Unlinks a wallet from the caller's account. Its DID stays anchored: only its holder can deactivate that.
 *
 * @throws DomainError `wallet.not_found`
 */
export async function unlinkWallet(
  { wallets }: Pick<WalletDeps, "wallets">,
  { userId, walletAddress }: { userId: string; walletAddress: string },
): Promise<void> {
  if (!(await wallets.remove(userId, walletAddress))) throw walletNotFound();
}

async function show(deps: Pick<WalletDeps, "projection">, wallet: Wallet): Promise<ShownWallet> {
  return showWallet(wallet, await readIndexedRegistration(deps, wallet.walletAddress));
}

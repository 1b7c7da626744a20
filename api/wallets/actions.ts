import { formatDid } from "../../chain/did/did";
import { randomId } from "../../core/crypto";
import { enqueueOrLeaveToSweep, replaceAnchoring, type RequestDeps, type Trace } from "./anchoring/actions";
import { isUnderWay, newAnchoring } from "./anchoring/rules";
import {
  attemptChallenge,
  type Caller,
  type ChallengeDeps,
  consumeChallenge,
  verifyRegistration,
} from "./challenges/actions";
import { messageDigest, verifyWalletSignature } from "./challenges/walletSignature";
import { readControl, readOtherDids, requireControlledDid } from "./control/actions";
import { type HeldDid, uniteDids } from "./control/rules";
import { readShownWallet } from "./indexedWallet";
import { type ShownWallet, type Wallet, walletLinkedElsewhere, walletNotFound, walletNotLinked } from "./rules";
import type { WalletStore } from "./store";

export interface WalletDeps extends ChallengeDeps, RequestDeps {
  wallets: WalletStore;
  /** Rejects whose session has ended since the request was authenticated. @throws DomainError `session.revoked` */
  requireStanding(caller: { sessionId: string; userId: string }): Promise<void>;
  /** Ends the sessions that a wallet opened for a user. */
  endWalletSessions(opened: { userId: string; walletAddress: string }): Promise<void>;
  config: ChallengeDeps["config"] & RequestDeps["config"];
}

/**
 * Links a wallet to the caller's account, its control proved by the signature of a challenge. With the second signature
 * the anchoring of its DID is queued. Linking one's own wallet again changes nothing but that. A wallet that controls no
 * DID any more, not even that of its own address, is not linked.
 *
 * @param input.nonce names the challenge; without it the session's latest for this wallet is meant
 * @param input.did a DID that the wallet must control, where its user means a certain one
 * @throws DomainError `wallet.linked_elsewhere`, `session.revoked` when the session ended meanwhile, and those of {@link attemptChallenge}, {@link verifyWalletSignature} and
 * {@link requireControlledDid}
 */
export async function linkWallet(
  deps: WalletDeps,
  input: {
    caller: Caller;
    walletAddress: string;
    nonce?: string | undefined;
    signature: string;
    registrationSignature?: string | undefined;
    did?: string | undefined;
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
  const did = formatDid(chain.deployment.didMethod, walletAddress);
  const holds = await requireControlledDid(deps, { walletAddress, ownDid: did, did: input.did });
  await consumeChallenge(deps, challenge);

  const now = clock.now();
  const anchoring = newAnchoring(randomId(), registration, now);
  // Known to the registry already: nothing to sign, the index will show it.
  if (challenge.registration === null && holds === did) anchoring.status = "mined";
  const wallet: Wallet = { walletAddress, userId, did, kind, verifiedAt: now, anchoring };
  if (await wallets.insert(wallet)) {
    await unlinkIfSessionEnded(deps, wallet, caller);
    if (registration !== null) await enqueueOrLeaveToSweep(deps, wallet, trace);
    return readShownWallet(deps, wallet);
  }
  const existing = await wallets.find(walletAddress);
  if (existing?.userId !== userId) throw walletLinkedElsewhere();
  if (registration === null || isUnderWay(existing.anchoring)) return readShownWallet(deps, existing);
  return readShownWallet(deps, await replaceAnchoring(deps, existing, registration, trace));
}

/** Asked after the wallet was stored: whoever resets the account unlinks it, or it is unlinked here. */
async function unlinkIfSessionEnded(
  { wallets, requireStanding }: Pick<WalletDeps, "wallets" | "requireStanding">,
  { userId, walletAddress }: Wallet,
  caller: Caller,
): Promise<void> {
  try {
    await requireStanding(caller);
  } catch (error) {
    await wallets.remove(userId, walletAddress);
    throw error;
  }
}

/**
 * Finds the user of a linked wallet whose control the signature of a challenge proves, and the DID as whose holder it logs
 * in ({@link requireControlledDid}).
 *
 * @throws DomainError `wallet.not_linked`, and those of {@link attemptChallenge}, {@link verifyWalletSignature} and
 * {@link requireControlledDid}
 */
export async function authenticateWallet(
  deps: ChallengeDeps & Pick<WalletDeps, "projection">,
  input: { walletAddress: string; nonce: string; signature: string; did?: string | undefined },
): Promise<{ userId: string; did: string }> {
  const { walletAddress, nonce, signature } = input;
  const challenge = await attemptChallenge(deps, { purpose: "login", walletAddress, sessionId: null, nonce });
  await verifyWalletSignature(deps.chain, { walletAddress, digest: messageDigest(challenge.message), signature });
  await consumeChallenge(deps, challenge);
  const wallet = await deps.wallets.find(walletAddress);
  if (wallet === null) throw walletNotLinked();
  const did = await requireControlledDid(deps, { walletAddress, ownDid: wallet.did, did: input.did });
  return { userId: wallet.userId, did };
}

/** A user's wallets and their DIDs, the first linked first. */
export async function walletsOf(
  { wallets }: Pick<WalletDeps, "wallets">,
  userId: string,
): Promise<{ walletAddress: string; did: string }[]> {
  return (await wallets.ofUser(userId)).map(({ walletAddress, did }) => ({ walletAddress, did }));
}

/**
 * The DIDs of a user's wallets: those of their own addresses, whoever controls them now, and the others that they control.
 */
export async function didsOf(deps: Pick<WalletDeps, "wallets" | "projection">, userId: string): Promise<HeldDid[]> {
  const wallets = await deps.wallets.ofUser(userId);
  const ofEach = wallets.map(async (wallet): Promise<HeldDid[]> => {
    const { walletAddress: account, did } = wallet;
    const [control, others] = await Promise.all([readControl(deps, { account, did }), readOtherDids(deps, wallet)]);
    return [{ did, control }, ...others];
  });
  return uniteDids((await Promise.all(ofEach)).flat());
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
  return Promise.all(wallets.map((wallet) => readShownWallet(deps, wallet)));
}

/**
 * Unlinks a wallet from the caller's account, and ends the sessions that it opened. Its DID stays anchored: only its
 * holder can deactivate that.
 *
 * @throws DomainError `wallet.not_found`
 */
export async function unlinkWallet(
  { wallets, endWalletSessions }: Pick<WalletDeps, "wallets" | "endWalletSessions">,
  { userId, walletAddress }: { userId: string; walletAddress: string },
): Promise<void> {
  if (!(await wallets.remove(userId, walletAddress))) throw walletNotFound();
  // A session whose end is not recorded because this process dies here ends when it is read.
  await endWalletSessions({ userId, walletAddress });
}

import { randomId } from "../../core/crypto";
import { formatDid } from "../../chain/did/did";
import { DomainError, messageOf } from "../../core/errors";
import { type Anchoring, isUnderWay, requireReusable, showAnchoring, type ShownAnchoring } from "./anchoring/rules";
import {
  answerable,
  authorizedRegistration,
  type Caller,
  consume,
  notFound,
  requireOwn,
  type Trace,
  type WalletParts,
} from "./challenges/actions";
import { messageDigest, verifyWalletSignature } from "./challenges/proof";
import type { Wallet } from "./store";

/** A wallet as its user sees it. */
export interface ShownWallet {
  walletAddress: string;
  did: string;
  kind: Wallet["kind"];
  verifiedAt: Date;
  anchoring: ShownAnchoring;
}

/**
 * Links a wallet to the caller's account, its control proved by the signature of a challenge. With the second signature
 * the anchoring of its DID is queued. Linking one's own wallet again changes nothing but that.
 *
 * @param answer `nonce` names the challenge; without it the session's latest for this wallet is meant
 * @throws DomainError `wallet.linked_elsewhere`, and those of {@link requireAnswerable} and {@link verifyWalletSignature}
 */
export async function linkWallet(
  parts: WalletParts,
  caller: Caller,
  answer: {
    walletAddress: string;
    nonce?: string | undefined;
    signature: string;
    registrationSignature?: string | undefined;
  },
  trace: Trace,
): Promise<ShownWallet> {
  const { walletAddress, signature } = answer;
  const challenge = await answerable(parts, "link", walletAddress, caller.sessionId, answer.nonce);
  const claim = { walletAddress, digest: messageDigest(challenge.message), signature };
  const kind = await verifyWalletSignature(parts.chain, claim);
  const registration = await authorizedRegistration(parts, challenge, answer.registrationSignature);
  await consume(parts, challenge);

  const now = parts.clock.now();
  const did = formatDid(parts.chain.deployment.didMethod, walletAddress);
  const wallet: Wallet = {
    walletAddress,
    userId: caller.userId,
    did,
    kind,
    verifiedAt: now,
    anchoring: anchoringFrom(registration, now),
  };
  // Known to the registry already: nothing to sign, the index will show it.
  if (challenge.registration === null) wallet.anchoring.status = "mined";
  if (await parts.wallets.insert(wallet)) {
    if (registration !== null) await enqueue(parts, wallet, trace);
    return show(parts, wallet);
  }
  const existing = await parts.wallets.find(walletAddress);
  if (existing?.userId !== caller.userId) {
    const message = "This wallet is linked to another account. Unlink it there first, or link another wallet.";
    throw new DomainError("wallet.linked_elsewhere", "conflict", message);
  }
  if (registration === null || isUnderWay(existing.anchoring)) return show(parts, existing);
  return beginAnchoring(parts, existing, registration, trace);
}

/**
 * Finds the user of a linked wallet whose control the signature of a challenge proves.
 *
 * @throws DomainError `wallet.not_linked`, and those of {@link requireAnswerable} and {@link verifyWalletSignature}
 */
export async function proveLogin(
  parts: WalletParts,
  answer: { walletAddress: string; nonce: string; signature: string },
): Promise<{ userId: string; did: string }> {
  const { walletAddress, nonce, signature } = answer;
  const challenge = await answerable(parts, "login", walletAddress, null, nonce);
  await verifyWalletSignature(parts.chain, { walletAddress, digest: messageDigest(challenge.message), signature });
  await consume(parts, challenge);
  const wallet = await parts.wallets.find(walletAddress);
  if (wallet === null) {
    const message = "No account has this wallet. Log in with e-mail and password and link it, or register first.";
    throw new DomainError("wallet.not_linked", "unauthenticated", message);
  }
  return { userId: wallet.userId, did: wallet.did };
}

/** A user's wallets, the first linked first. */
export async function listWallets(parts: WalletParts, userId: string): Promise<ShownWallet[]> {
  const wallets = await parts.wallets.ofUser(userId);
  return Promise.all(wallets.map((wallet) => show(parts, wallet)));
}

/**
 * Anchors the DID of a linked wallet after all: with a fresh signature, or by trying again with the one at hand. While
 * it is under way, asking again changes nothing.
 *
 * @throws DomainError `wallet.not_found`, `anchoring.signature_required`, those of {@link requireAnswerable} and
 * {@link verifyWalletSignature}
 */
export async function requestAnchoring(
  parts: WalletParts,
  caller: Caller,
  answer: { walletAddress: string; nonce?: string | undefined; registrationSignature?: string | undefined },
  trace: Trace,
): Promise<ShownWallet> {
  const { walletAddress, registrationSignature } = answer;
  const wallet = await requireOwn(parts, caller, walletAddress);
  const shown = await show(parts, wallet);
  if (shown.anchoring.status === "anchored" || isUnderWay(wallet.anchoring)) return shown;
  if (registrationSignature === undefined) {
    return beginAnchoring(parts, wallet, requireReusable(wallet.anchoring, parts.clock.now()), trace);
  }
  const challenge = await answerable(parts, "anchor", walletAddress, caller.sessionId, answer.nonce);
  const registration = await authorizedRegistration(parts, challenge, registrationSignature);
  await consume(parts, challenge);
  return registration === null ? shown : beginAnchoring(parts, wallet, registration, trace);
}

/**
 * Unlinks a wallet from the caller's account. Its DID stays anchored: only its holder can deactivate that.
 *
 * @throws DomainError `wallet.not_found`
 */
export async function unlinkWallet(parts: WalletParts, caller: Caller, walletAddress: string): Promise<void> {
  if (!(await parts.wallets.remove(caller.userId, walletAddress))) throw notFound();
}

async function beginAnchoring(
  parts: WalletParts,
  wallet: Wallet,
  registration: NonNullable<Anchoring["registration"]>,
  trace: Trace,
): Promise<ShownWallet> {
  const next = anchoringFrom(registration, parts.clock.now());
  const begun = await parts.wallets.requestAnchoring(wallet.walletAddress, wallet.anchoring.id, next);
  // Somebody else's request was faster: it is the one that counts.
  const current = begun ? { ...wallet, anchoring: next } : ((await parts.wallets.find(wallet.walletAddress)) ?? wallet);
  if (begun) await enqueue(parts, current, trace);
  return show(parts, current);
}

function anchoringFrom(registration: Anchoring["registration"], now: Date): Anchoring {
  const status = registration === null ? "awaiting_signature" : "queued";
  return {
    id: randomId(),
    status,
    registration,
    transactionHashes: [],
    blockNumber: null,
    fault: null,
    updatedAt: now,
  };
}

async function enqueue(parts: WalletParts, wallet: Wallet, { requestId, logger }: Trace): Promise<void> {
  try {
    await parts.enqueueAnchoring(wallet, requestId);
  } catch (error) {
    // The wallet says `queued` in MongoDB, and the worker's sweeper finds it there: Redis may be away.
    logger.warn({ err: error, reason: messageOf(error) }, "the anchoring job could not be queued; the sweeper will");
  }
}

async function show(parts: WalletParts, wallet: Wallet): Promise<ShownWallet> {
  const { walletAddress, did, kind, verifiedAt, anchoring } = wallet;
  const indexed = await parts.indexedRegistration(walletAddress);
  return { walletAddress, did, kind, verifiedAt, anchoring: showAnchoring(anchoring, indexed) };
}

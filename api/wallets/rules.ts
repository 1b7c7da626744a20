import type { SignerKind } from "../../chain/registry/keyAccount";
import { DomainError } from "../../core/errors";
import type { ControlState, HeldDid } from "./control/rules";
import { type Anchoring, type IndexedRegistration, showAnchoring, type ShownAnchoring } from "./anchoring/rules";

/** A wallet whose control its user has proved. */
export interface Wallet {
  /** `0x` and 40 lower-case hexadecimal digits. */
  walletAddress: string;
  userId: string;
  did: string;
  /** How it signs. */
  kind: SignerKind;
  verifiedAt: Date;
  anchoring: Anchoring;
}

/** A wallet as its user sees it. */
export interface ShownWallet {
  walletAddress: string;
  did: string;
  kind: Wallet["kind"];
  /** Who controls its DID now. */
  control: ControlState;
  /** What the wallet controls beside that, or did until it was deactivated. */
  otherDids: HeldDid[];
  verifiedAt: Date;
  anchoring: ShownAnchoring;
}

/** What the index says of a wallet. */
export interface IndexedWallet {
  /** Null when the index has not seen its DID registered. */
  registration: IndexedRegistration | null;
  control: ControlState;
  otherDids: HeldDid[];
}

/** What a user is shown of a wallet. */
export function showWallet(wallet: Wallet, { registration, control, otherDids }: IndexedWallet): ShownWallet {
  const { walletAddress, did, kind, verifiedAt, anchoring } = wallet;
  return {
    walletAddress,
    did,
    kind,
    control,
    otherDids,
    verifiedAt,
    anchoring: showAnchoring(anchoring, registration),
  };
}

/**
 * Lets a user's own wallet pass. Another user's is rejected as one that nobody has.
 *
 * @throws DomainError `wallet.not_found`
 */
export function requireOwnWallet(wallet: Wallet | null, userId: string | undefined): Wallet {
  if (wallet === null || wallet.userId !== userId) throw walletNotFound();
  return wallet;
}

export function walletNotFound(): DomainError {
  const message = "This account has no such wallet: GET /auth/wallets lists its wallets.";
  return new DomainError("wallet.not_found", "not_found", message);
}

export function walletLinkedElsewhere(): DomainError {
  const message = "This wallet is linked to another account. Unlink it there first, or link another wallet.";
  return new DomainError("wallet.linked_elsewhere", "conflict", message);
}

export function walletNotLinked(): DomainError {
  const message = "No account has this wallet. Log in with e-mail and password and link it, or register first.";
  return new DomainError("wallet.not_linked", "unauthenticated", message);
}

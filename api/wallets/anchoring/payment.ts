import { type GateChecks, passGate } from "../../../chain/relayer/gate";
import { DomainError } from "../../../core/errors";
import type { Context } from "../../../process/context";
import type { Wallet } from "../rules";

/** What decides whether the relayer pays for a wallet's registration at all. */
export interface PaymentDeps extends GateChecks {
  config: Pick<Context["config"], "spending">;
}

/** Length of a signature that a key made: `0x` and 65 bytes in hexadecimal digits. */
const KEY_SIGNATURE_DIGITS = 132;

/** Whether a signature is one that a key of secp256k1 makes. */
export function isKeySignature(signature: string): boolean {
  return signature.length === KEY_SIGNATURE_DIGITS;
}

/**
 * Rejects a registration that this installation does not pay for: one whose signature a stranger's contract decides on,
 * unless that is configured; a user's that has not passed the configured gate.
 *
 * @throws DomainError `anchoring.contract_wallet`, `email.unconfirmed`, `kyc.required`
 */
export async function requirePaidFor(
  deps: PaymentDeps,
  { kind, userId, signature }: Pick<Wallet, "kind" | "userId"> & { signature?: string | undefined },
): Promise<void> {
  const { spending } = deps.config;
  const isContract = kind === "contract" || (kind === "key" && signature !== undefined && !isKeySignature(signature));
  if (isContract && !spending.contractWallets) {
    const message =
      "This Cairn does not pay for the registration of wallets that are contracts: call registerDID from the wallet itself.";
    throw new DomainError("anchoring.contract_wallet", "forbidden", message);
  }
  await passGate(spending.gate, deps, userId);
}

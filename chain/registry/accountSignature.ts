import { AbiCoder, concat } from "ethers";
import { DomainError, TransientError } from "../../core/errors";
import { SignatureQuery__factory } from "../../typechain-types";
import type { Chain } from "../client";
import { parseSignature, recoverAddress, toRecoverableHex } from "../signature";
import { answered } from "./answered";
import { parseKeySignature, type SignerKind } from "./keyAccount";

/** A signature that an account made. */
export interface AccountSignature {
  kind: SignerKind;
  /** In the form that the registry takes, `0x` and hexadecimal digits. */
  signature: string;
}

/** What an account is said to have signed. */
export interface SignatureClaim {
  /** `0x` and 40 lower-case hexadecimal digits. */
  account: string;
  /** 32 bytes, `0x` and 64 hexadecimal digits. */
  digest: string;
  /** `0x` and hexadecimal digits, in one of the forms of `contracts/interfaces/Consent.sol`. */
  signature: string;
}

/** An account's contract or a key's verifier may use this much; one that wants more burns our node's time. */
const MAX_GAS = 5_000_000;

/** Beside {@link MAX_GAS}, what the query itself costs, its calldata of at most 20 kB included; and EIP-150's 64th. */
const QUERY_GAS = 3_000_000;

/** `0x` and 65 bytes. */
const MAX_SECP256K1_LENGTH = 132;

const CREATION_CODE = SignatureQuery__factory.bytecode;
const ARGUMENTS = ["address", "bytes32", "bytes", "uint256"];

/**
 * Decides whether an account signed a digest, as the registry does (`contracts/libraries/Signers.sol`). The signature of
 * an ordinary key is verified here and asks nothing of the chain; for any other, the chain runs the registry's own code
 * ({@link SignatureQuery__factory}). Beside what the registry takes, a key's may have 64 bytes (EIP-2098), or v 0 or 1.
 *
 * An account whose key signed is not asked for its code: code beside a key is an EIP-7702 delegation, for which the
 * registry takes the key's signature too. A contract at the address of a key takes 2^80 hashes to find.
 *
 * Keys count only with a verifier in `keyVerifiers`.
 *
 * @returns the signature as the registry takes it; null when the account did not sign
 * @throws DomainError `signature.verifier_not_accepted` when the account is one of a key with another verifier
 * @throws TransientError `rpc.unreachable`, `rpc.failed` when the chain would have to be asked and does not answer
 */
export async function verifyAccountSignature(
  chain: Pick<Chain, "provider" | "keyVerifiers">,
  claim: SignatureClaim,
): Promise<AccountSignature | null> {
  const { account, digest, signature } = claim;
  if (isSignedByKey(claim)) return { kind: "key", signature: toRecoverableHex(parseSignature(signature)) };
  const ofKey = parseKeySignature(signature);
  const isKeyAccount = ofKey?.account === account;
  if (isKeyAccount && !chain.keyVerifiers.has(ofKey.verifier)) throw verifierNotAccepted(ofKey.verifier);
  const data = concat([
    CREATION_CODE,
    AbiCoder.defaultAbiCoder().encode(ARGUMENTS, [account, digest, signature, MAX_GAS]),
  ]);
  const answer = await answered(chain.provider.call({ data, gasLimit: MAX_GAS + QUERY_GAS }));
  // An empty answer would be a node that does not run creation code: that is no answer.
  if (!/^0x0{63}[01]$/.test(answer)) throw new TransientError("rpc.failed", "The chain did not answer as it should.");
  if (!answer.endsWith("1")) return null;
  return { kind: isKeyAccount ? "passkey" : "contract", signature };
}

/**
 * Rejects what cannot be the signature of any key, whatever the account.
 *
 * @throws DomainError `signature.malformed` when it has neither form, or is a key's of secp256k1 with a high `s`
 */
export function requireKeyForm({ digest, signature }: Pick<SignatureClaim, "digest" | "signature">): void {
  if (signature.length > MAX_SECP256K1_LENGTH && parseKeySignature(signature) !== null) return;
  recoverAddress(digest, signature);
}

/**
 * The account whose signature this is, as far as the signature alone tells: of a key of secp256k1, or of another key whose
 * verifier is accepted.
 *
 * @returns `0x` and 40 lower-case hexadecimal digits; null for a contract's, which name nobody
 * @throws TransientError `rpc.unreachable`, `rpc.failed` when a verifier would have to be asked and the chain does not answer
 */
export async function recoverSigner(
  chain: Pick<Chain, "provider" | "keyVerifiers">,
  { digest, signature }: Pick<SignatureClaim, "digest" | "signature">,
): Promise<string | null> {
  const account = parseKeySignature(signature)?.account;
  try {
    if (signature.length <= MAX_SECP256K1_LENGTH) return recoverAddress(digest, signature);
    if (account === undefined) return null;
    return (await verifyAccountSignature(chain, { account, digest, signature })) === null ? null : account;
  } catch (error) {
    // No key's signature, or one whose verifier is not accepted.
    if (error instanceof DomainError) return null;
    throw error;
  }
}

/** An account's signature as the registry takes it: wallets write those of a key in several forms, others stay. */
export function inRegistryForm(claim: SignatureClaim): string {
  return isSignedByKey(claim) ? toRecoverableHex(parseSignature(claim.signature)) : claim.signature;
}

/** Whether the signature is one of the account's own secp256k1 key: asks nothing of the chain. */
export function isSignedByKey({ account, digest, signature }: SignatureClaim): boolean {
  try {
    return recoverAddress(digest, signature) === account;
  } catch (error) {
    // Contracts and verifiers of keys read signatures of other forms.
    if (error instanceof DomainError) return false;
    throw error;
  }
}

function verifierNotAccepted(verifier: string): DomainError {
  const message = `Signatures of this key are verified by the contract ${verifier}, which is not among the accepted ones: POST /auth/wallet/key-account says which are.`;
  return new DomainError("signature.verifier_not_accepted", "forbidden", message);
}

import { concat, dataLength, dataSlice, getAddress, HDNodeWallet, id, keccak256, toBeHex } from "ethers";
import { config } from "hardhat";
import { p256Key, webAuthnAssertion } from "./p256";
import { type EcdsaKey, ecdsaKey } from "./secp256k1";

/** An account of any kind that can sign consents. */
export interface TestAccount {
  address: string;
  /** The `signature` of a consent over its digest, in the form that the account's kind asks for. */
  sign(digest: string): string;
}

/** Tells the addresses of key accounts from all others. */
const KEY_ACCOUNT_TAG = id("Cairn account of an ERC-7913 key");

/** The account of an ERC-7913 key, `verifier ‖ public key`. */
export function keyAccountOf(key: string): string {
  return getAddress(dataSlice(keccak256(concat([KEY_ACCOUNT_TAG, key])), 12));
}

/** The signature of a key account: the key's length, the key, and the key's own signature. */
export function keySignature(key: string, signature: string): string {
  return concat([toBeHex(dataLength(key), 2), key, signature]);
}

let networkKeys: Map<string, EcdsaKey> | undefined;

/** One of the network's own accounts, whose key signs by ECDSA. */
export function networkAccount({ address }: { address: string }): TestAccount & EcdsaKey {
  networkKeys ??= new Map(deriveNetworkKeys().map((key) => [key.address, key]));
  const key = networkKeys.get(address);
  if (!key) throw new Error(`${address} is none of the network's accounts.`);
  return key;
}

function deriveNetworkKeys(): EcdsaKey[] {
  const { accounts } = config.networks.hardhat;
  if (Array.isArray(accounts)) return accounts.map(({ privateKey }) => ecdsaKey(privateKey));
  const { mnemonic, path, count } = accounts;
  const root = HDNodeWallet.fromPhrase(mnemonic, "", path);
  return Array.from({ length: count }, (_, position) => ecdsaKey(root.deriveChild(position).privateKey));
}

/** A contract, or an account with an EIP-7702 delegation, for which a key signs. */
export function accountAt(address: string, key: EcdsaKey): TestAccount {
  return { address, sign: (digest) => key.sign(digest) };
}

/** A key account of an ordinary key, by the tests' own verifier. */
export function ecdsaKeyAccount(verifier: string, key: EcdsaKey): TestAccount {
  const signer = concat([verifier, key.address]);
  return { address: keyAccountOf(signer), sign: (digest) => keySignature(signer, key.sign(digest)) };
}

/** A key account of a P-256 key, by OpenZeppelin's `ERC7913P256Verifier`. */
export function p256Account(verifier: string, name: string): TestAccount {
  const key = p256Key(name);
  const signer = concat([verifier, key.publicKey]);
  return { address: keyAccountOf(signer), sign: (digest) => keySignature(signer, key.sign(digest)) };
}

/** A key account of a passkey, by OpenZeppelin's `ERC7913WebAuthnVerifier`. */
export function passkeyAccount(verifier: string, name: string): TestAccount {
  const key = p256Key(name);
  const signer = concat([verifier, key.publicKey]);
  return { address: keyAccountOf(signer), sign: (digest) => keySignature(signer, webAuthnAssertion(key, digest)) };
}

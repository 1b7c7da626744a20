import { impersonateAccount, setCode } from "@nomicfoundation/hardhat-network-helpers";
import { concat, TypedDataEncoder } from "ethers";
import { ethers } from "hardhat";
import type { DIDRegistry } from "../../../typechain-types";
import { keyAccountOf, keySignature } from "./accounts";
import { domainOf } from "./consents";
import { InterfaceCodec, useFastKeccak } from "./interfaceCodec";
import { METHOD } from "./registry";
import { type EcdsaKey, namedKey } from "./secp256k1";

/** Who signs: the key behind most accounts, or the own key of one account. */
export type KeyName = "shared" | "delegated" | "covered" | "stranger";

/** An account of the random histories. */
export interface CastMember {
  address: string;
  kind: string;
  /** The keys whose signatures the account accepts. */
  keys: KeyName[];
  /** Whether a player (`HistoryPlayer`) can call as this account. */
  playable: boolean;
  /** Puts a key's signature into the form that this kind of account is asked for. */
  form: (signature: string) => string;
}

/** The registry of the random histories and its accounts; one key stands behind six of the seven. */
export interface Cast {
  registry: DIDRegistry;
  registryAddress: string;
  domainSeparator: string;
  members: CastMember[];
  keys: Record<KeyName, EcdsaKey>;
  /** Makes many calls in one transaction. */
  playerAddress: string;
  codec: InterfaceCodec;
  playerCodec: InterfaceCodec;
  relayer: string;
}

/** Deploys a registry, and gives one key an account of every kind. */
export async function createCast(): Promise<Cast> {
  await useFastKeccak();
  const registry = await ethers.deployContract("DIDRegistry", [METHOD]);
  const keys: Record<KeyName, EcdsaKey> = {
    shared: namedKey("shared"),
    delegated: namedKey("delegated"),
    covered: namedKey("covered"),
    stranger: namedKey("stranger"),
  };
  const player = await ethers.deployContract("HistoryPlayer");
  const playerAddress = await player.getAddress();
  const deployWallet = async () => {
    const wallet = await ethers.deployContract("PlayedWallet", [keys.shared.address, playerAddress]);
    return wallet.getAddress();
  };
  const wallets = [await deployWallet(), await deployWallet()];
  const verifier = await (await ethers.deployContract("EcdsaVerifier")).getAddress();
  // As EIP-7702 leaves it: a contract's code by reference, at an address that still has its own key.
  await setCode(keys.delegated.address, concat(["0xef0100", wallets[0] ?? ""]));
  // No transaction makes this: a contract where there is a key to the address. It shows that the key is not asked.
  await setCode(keys.covered.address, await ethers.provider.getCode(wallets[0] ?? ""));
  const key = concat([verifier, keys.shared.address]);
  const member = (kind: string, address: string, names: KeyName[], playable: boolean): CastMember => ({
    address,
    kind,
    keys: names,
    playable,
    form: (signature) => (kind === "key account" ? keySignature(key, signature) : signature),
  });
  const members = [
    member("wallet", wallets[0] ?? "", ["shared"], true),
    member("key", keys.shared.address, ["shared"], false),
    member("EIP-7702", keys.delegated.address, ["delegated", "shared"], true),
    member("other wallet", wallets[1] ?? "", ["shared"], true),
    member("key account", keyAccountOf(key), ["shared"], false),
    member("contract over a key", keys.covered.address, ["shared"], true),
    member("stranger", keys.stranger.address, ["stranger"], false),
  ];
  const [signer] = await ethers.getSigners();
  const relayer = signer?.address ?? "";
  // The network signs no transaction of an impersonated account, not even of one whose key it has: that saves time.
  for (const address of [...members.map((each) => each.address), relayer]) await impersonateAccount(address);
  return {
    registry,
    registryAddress: await registry.getAddress(),
    domainSeparator: TypedDataEncoder.hashDomain(await domainOf(registry)),
    members,
    keys,
    playerAddress,
    codec: new InterfaceCodec(registry.interface),
    playerCodec: new InterfaceCodec(player.interface),
    relayer,
  };
}

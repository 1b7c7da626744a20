import { Wallet } from "ethers";
import { type AssertionKey, readAssertionKeys, writeDocument } from "../../api/issuers/rules";
import type { Chain } from "../../chain/client";
import { formatDid } from "../../chain/did/did";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { sha256Hex } from "../../core/hash";
import { openFileKeyStore } from "../../core/keys/fileKeyStore";
import { thumbprintOf } from "../../core/keys/jws";
import type { KeyStore } from "../../core/keys/keyStore";

/** An accredited issuer whose DID document's digest is on the chain. */
export interface BenchIssuer {
  address: string;
  did: string;
  keys: KeyStore;
  keyId: string;
  /** Of the key in the DID document. */
  kid: string;
  assertionKeys: AssertionKey[];
}

/** Registers and accredits an issuer with a new Ed25519 key. */
export async function registerIssuer(chain: Chain, keysDir: string): Promise<BenchIssuer> {
  const keys = await openFileKeyStore({ directory: keysDir, passphrase: "bench" });
  const { keyId, publicJwk } = await keys.create("EdDSA");
  if (publicJwk === null) throw new Error("no public key");
  const owner = new Wallet(DEVELOPMENT_RELAYER_KEY, chain.provider);
  const address = owner.address.toLowerCase();
  const did = formatDid(chain.deployment.didMethod, address);
  const kid = thumbprintOf(publicJwk);
  const document = writeDocument({
    did,
    chainId: chain.chainId,
    address,
    keys: [{ kid, publicJwk, withdrawnAt: null }],
  });
  const digest = `0x${sha256Hex(document)}`;
  const registry = chain.didRegistry.connect(owner);
  const registered = await registry.registerDIDWithHash(did, "https://issuer.example", digest);
  await registered.wait();
  const accredited = await chain.issuerRegistry.connect(owner).accredit(address, "");
  await accredited.wait();
  return { address, did, keys, keyId, kid, assertionKeys: readAssertionKeys(document) };
}

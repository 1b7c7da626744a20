import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { type ContractTransactionResponse, id, Wallet, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { networkAccount, p256Account, passkeyAccount, type TestAccount } from "./accounts";
import { type Consent, consentTo, type SignedWrite } from "./consents";
import { ecdsaKey } from "./secp256k1";
import {
  ANCHOR_ROLE,
  commitmentOf,
  credIdOf,
  didOf,
  DOCUMENT_HASH,
  FOREVER,
  METHOD,
  REVOCATION,
  STATUS_ROLE,
  SUSPENSION,
  URI,
} from "./registry";

/** Gas of one transaction each, by what it does; of a view, what a call of it costs in all. */
export type GasFigures = Record<string, number>;

/** The most that one transaction may cost, as the design's prototype did. */
export const GAS_CEILINGS: Record<string, number> = {
  "register, URI of 28 bytes": 72_467,
  "register by consent": 85_452,
  "register 50 by consent": 62_276 * 50,
  "register 200 by consent": 61_942 * 200,
  "register by a P-256 key": 96_838,
  "register by a passkey": 106_941,
  "change controller": 51_671,
  "revoke 1, used word": 34_480,
  "revoke 1 by consent, used word": 46_676,
  "revoke 256, fresh word": 211.3 * 256,
  "revoke 256, used word": 144.5 * 256,
  "revoke 256 picked ones, used word": 38_397,
  "revoke 16 in 16 used words": 127_590,
  "revoke 131,072 in used words": 3_058_035,
  "name successor": 52_204,
  "rotate controller": 57_907,
  "anchor a digest": 29_606,
};

/** What the nearest thing costs elsewhere, measured with the same compiler target. */
export const GAS_ANCHORS: Record<string, string> = {
  "register 200 by consent": "Multicall3 67,080 each",
  "change controller": "ERC-1056 changeOwner 51,728",
  "revoke 1, used word": "EAS revoke 59,890",
  "revoke 256, fresh word": "EAS revokeOffchain 25,126 each",
  "revoke 256, used word": "EAS revokeOffchain 25,126 each",
};

/** How many identities or credentials a figure stands for, where it is more than one. */
export const GAS_SHARES: Record<string, number> = {
  "register 50 by consent": 50,
  "register 200 by consent": 200,
  "revoke 256, fresh word": 256,
  "revoke 256, used word": 256,
  "revoke 256 picked ones, used word": 256,
  "revoke 16 in 16 used words": 16,
  "revoke 131,072 in used words": 131_072,
  "suspend 131,072 in used words": 131_072,
  "headers of 100 identities": 100,
  "states of 100 credentials": 100,
};

const ALL = 2n ** 256n - 1n;
const LATE = 4_102_444_800n;
const SALT = id("salt");

interface GasWorld {
  holder: HardhatEthersSigner;
  issuer: HardhatEthersSigner;
  delegate: HardhatEthersSigner;
  relayer: HardhatEthersSigner;
  owner: HardhatEthersSigner;
}

/** The accounts from the end of the list deploy, so that addresses, and with them signatures, are always the same. */
async function gasWorld() {
  const accounts = await ethers.getSigners();
  const [relayer, holder, issuer, delegate, owner] = accounts.slice(-5);
  if (!relayer || !holder || !issuer || !delegate || !owner) throw new Error("The network has too few accounts.");
  const world: GasWorld = { relayer, holder, issuer, delegate, owner };
  const registry = await ethers.deployContract("DIDRegistry", [METHOD], owner);
  const issuers = await ethers.deployContract("IssuerRegistry", [registry, owner.address], owner);
  const p256 = await ethers.deployContract("ERC7913P256Verifier", [], owner);
  const webAuthn = await ethers.deployContract("ERC7913WebAuthnVerifier", [], owner);
  return { ...world, registry, issuers, p256: await p256.getAddress(), webAuthn: await webAuthn.getAddress() };
}

/** 512 words that are full of ones and zeros, the same every time. */
function noise(seed: string): bigint[] {
  return Array.from({ length: 512 }, (_, word) => BigInt(id(`${seed} ${word}`)));
}

/** Measures every figure, in one fixed order on one fresh registry. */
export async function measureGas(): Promise<GasFigures> {
  const { registry, issuers, relayer, holder, issuer, delegate, p256, webAuthn } = await loadFixture(gasWorld);
  const figures: GasFigures = {};
  const measure = async (what: string, sending: Promise<ContractTransactionResponse>) => {
    const receipt = await (await sending).wait();
    figures[what] = Number(receipt?.gasUsed);
  };
  const asHolder = registry.connect(holder);
  const asIssuer = registry.connect(issuer);
  const asDelegate = registry.connect(delegate);
  const asRelayer = registry.connect(relayer);
  const credId = (index: number) => credIdOf(issuer, index);
  const consentOf = (write: SignedWrite, account: TestAccount): Promise<Consent> =>
    consentTo(registry, write, account, { deadline: LATE });
  const registration = ({ address }: TestAccount, documentHash = ZeroHash) =>
    ({ name: "registerDID", did: didOf(address), documentUri: URI, documentHash }) as const;

  // Identities
  await measure("register, URI of 28 bytes", asHolder.registerDID(didOf(holder.address), URI));
  await measure(
    "register, URI of 28 bytes, digest",
    asIssuer.registerDIDWithHash(didOf(issuer.address), URI, DOCUMENT_HASH),
  );
  const signers: [string, TestAccount][] = [
    ["register by consent", ecdsaKey(id("gas, by consent"))],
    ["register by a P-256 key", p256Account(p256, "gas, P-256")],
    ["register by a passkey", passkeyAccount(webAuthn, "gas, passkey")],
  ];
  for (const [what, account] of signers) {
    const write = registration(account);
    const consent = await consentOf(write, account);
    await measure(what, asRelayer.registerDIDWithConsent(write.did, URI, ZeroHash, consent));
  }
  for (const count of [50, 200]) {
    const registrations = [];
    for (let position = 0; position < count; position += 1) {
      const account = ecdsaKey(id(`gas, ${position} of ${count}`));
      const consent = await consentOf(registration(account), account);
      registrations.push({ documentUri: URI, documentHash: ZeroHash, consent });
    }
    await measure(`register ${count} by consent`, asRelayer.registerManyWithConsent(registrations));
  }
  await measure("update document", asHolder.updateDocument(holder.address, `${URI.slice(0, -1)}5`, ZeroHash));
  await measure("cancel a nonce", asHolder.cancelNonces(holder.address, ZeroHash, 1));
  await measure("add delegate", asIssuer.addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER));

  // One credential
  await measure("revoke 1, fresh word", asIssuer.setCredentialStatus(credId(0), true));
  await measure("revoke 1, used word", asIssuer.setCredentialStatus(credId(1), true));
  await measure("revoke 1, already revoked", asIssuer.setCredentialStatus(credId(1), true));
  await measure("revoke 1 as a delegate, used word", asDelegate.setCredentialStatus(credId(2), true));
  const revocation = { name: "setStatus", credId: credId(3), purpose: REVOCATION, on: true } as const;
  const revocationConsent = await consentOf(revocation, networkAccount(issuer));
  await measure(
    "revoke 1 by consent, used word",
    asRelayer.setStatusWithConsent(credId(3), REVOCATION, true, revocationConsent),
  );
  const byDelegate = { name: "setStatus", credId: credId(4), purpose: REVOCATION, on: true } as const;
  const delegateConsent = await consentOf(byDelegate, networkAccount(delegate));
  await measure(
    "revoke 1 by a delegate's consent, used word",
    asRelayer.setStatusWithConsent(credId(4), REVOCATION, true, delegateConsent),
  );
  await measure("suspend 1, fresh word", asIssuer.setStatus(credId(5), SUSPENSION, true));
  await measure("suspend 1, used word", asIssuer.setStatus(credId(6), SUSPENSION, true));
  await measure("reinstate 1", asIssuer.setCredentialStatus(credId(6), false));

  // Many credentials
  await measure("revoke 256, fresh word", asIssuer.setStatusWords(issuer.address, REVOCATION, 1, [ALL], true));
  await asIssuer.setCredentialStatus(credId(512), true);
  await measure("revoke 256, used word", asIssuer.setStatusWords(issuer.address, REVOCATION, 2, [ALL], true));
  await asIssuer.setCredentialStatus(credId(768), true);
  await measure(
    "revoke 256 picked ones, used word",
    asIssuer.setStatusMasks(issuer.address, REVOCATION, [3], [ALL], true),
  );
  const sixteen = Array.from({ length: 16 }, (_, position) => 100 + 7 * position);
  const oneOf = (bit: number) => sixteen.map(() => 1n << BigInt(bit));
  await asIssuer.setStatusMasks(issuer.address, REVOCATION, sixteen, oneOf(200), true);
  await measure(
    "revoke 16 in 16 used words",
    asIssuer.setStatusMasks(issuer.address, REVOCATION, sixteen, oneOf(100), true),
  );
  await asIssuer.setStatusWords(issuer.address, REVOCATION, 512, noise("first"), true);
  await measure(
    "revoke 131,072 in used words",
    asIssuer.setStatusWords(issuer.address, REVOCATION, 512, noise("other"), true),
  );
  await asIssuer.setStatusWords(issuer.address, SUSPENSION, 512, noise("first"), true);
  await measure(
    "suspend 131,072 in used words",
    asIssuer.setStatusWords(issuer.address, SUSPENSION, 512, noise("other"), true),
  );

  // Digests
  await measure("anchor a digest", asIssuer.anchorDigest(issuer.address, DOCUMENT_HASH));
  await asIssuer.addDelegate(issuer.address, ANCHOR_ROLE, delegate.address, FOREVER);
  await measure("anchor a digest as a delegate", asDelegate.anchorDigest(issuer.address, DOCUMENT_HASH));

  // Reading, as a call that costs nobody anything
  const addresses = Array.from({ length: 100 }, (_, position) => new Wallet(id(`reader ${position}`)).address);
  const measureCall = async (what: string, estimate: Promise<bigint>) => {
    figures[what] = Number(await estimate);
  };
  await measureCall("resolve", registry.resolveDID.estimateGas(issuer.address));
  await measureCall("headers of 100 identities", registry.headers.estimateGas(addresses));
  const credIds = addresses.map((address) => credIdOf({ address }, 1));
  await measureCall("states of 100 credentials", issuers.credentialStates.estimateGas(credIds));
  await measureCall("verify a credential", issuers.verify.estimateGas(credId(1)));

  // Control
  await measure("change controller", asIssuer.changeController(issuer.address, holder.address));
  await measure("revoke 1 as another controller, used word", asHolder.setCredentialStatus(credId(8), true));
  await measure(
    "name successor",
    asHolder.nameSuccessor(holder.address, commitmentOf(holder.address, delegate.address, SALT)),
  );
  await measure("rotate controller", asDelegate.rotateController(holder.address, SALT, id("the next")));
  await asHolder.addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER);
  await measure("revoke delegate", asHolder.revokeDelegate(issuer.address, STATUS_ROLE, delegate.address));
  await measure("deactivate", asHolder.deactivateDID(issuer.address));
  await measure("accredit an issuer", issuers.accredit(issuer.address, URI));
  await measure("discredit an issuer", issuers.discredit(issuer.address, URI));
  return figures;
}

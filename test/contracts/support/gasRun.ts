import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { type ContractTransactionResponse, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { type Consent } from "./consents";
import { credIdOf, didOf, DOCUMENT_HASH, FOREVER, METHOD, REVOCATION, STATUS_ROLE, SUSPENSION, URI } from "./registry";
import { consentTo } from "./wishes";

/** Gas of one transaction each, by what it does. */
export type GasFigures = Record<string, number>;

export interface GasGoal {
  /** The most that one transaction may cost. */
  atMost: number;
}

/** What the design asks for. A digest may cost one more slot: 22,100 gas, and what it adds to calldata and event. */
export const GAS_GOALS: Record<string, GasGoal> = {
  "register, URI of 28 bytes": { atMost: 85_000 },
  "register, URI of 28 bytes, digest": { atMost: 85_000 + 22_100 + 1_000 },
  "revoke 1, used word": { atMost: 34_500 },
  "revoke 256, fresh word": { atMost: 215 * 256 },
  "revoke 256, used word": { atMost: 145 * 256 },
  "rewrite 131,072 revocations": { atMost: 3_500_000 },
  "rewrite 131,072 suspensions": { atMost: 3_500_000 },
};

/** What others cost for the nearest thing, measured with the same compiler target. */
export const GAS_ANCHORS: Record<string, string> = {
  "change controller": "ERC-1056 changeOwner 51,728",
  "revoke 1, used word": "EAS revoke 59,890",
  "revoke 256, fresh word": "EAS revokeOffchain 25,126 each",
  "revoke 256, used word": "EAS revokeOffchain 25,126 each",
};

/** How many credentials a figure stands for, where it is more than one. */
export const GAS_SHARES: Record<string, number> = {
  "revoke 256, fresh word": 256,
  "revoke 256, used word": 256,
  "revoke 256 by ids, used word": 256,
  "rewrite 131,072 revocations": 131_072,
  "rewrite 131,072 suspensions": 131_072,
};

const ALL = 2n ** 256n - 1n;
const LATE = 4_102_444_800n;

/** The accounts from the end of the list deploy, so that addresses, and with them signatures, are always the same. */
async function gasWorld() {
  const accounts = await ethers.getSigners();
  const [relayer, holder, issuer, delegate, owner] = accounts.slice(-5);
  if (!relayer || !holder || !issuer || !delegate || !owner) throw new Error("The network has too few accounts.");
  const registry = await ethers.deployContract("DIDRegistry", [METHOD], owner);
  const issuers = await ethers.deployContract("IssuerRegistry", [owner.address], owner);
  return { registry, issuers, relayer, holder, issuer, delegate };
}

/** 512 words that are full of ones and zeros, the same every time. */
function noise(seed: string): bigint[] {
  return Array.from({ length: 512 }, (_, word) => BigInt(ethers.id(`${seed} ${word}`)));
}

/** Measures every figure, in one fixed order on one fresh registry. */
export async function measureGas(): Promise<GasFigures> {
  const { registry, issuers, relayer, holder, issuer, delegate } = await loadFixture(gasWorld);
  const figures: GasFigures = {};
  const measure = async (what: string, sending: Promise<ContractTransactionResponse>) => {
    const receipt = await (await sending).wait();
    figures[what] = Number(receipt?.gasUsed);
  };
  const asHolder = registry.connect(holder);
  const asIssuer = registry.connect(issuer);
  const asRelayer = registry.connect(relayer);
  const ids = (first: number, count: number) =>
    Array.from({ length: count }, (_, offset) => credIdOf(issuer, first + offset));
  const credId = (index: number) => credIdOf(issuer, index);

  await measure("register, URI of 28 bytes", asHolder["registerDID(string,string)"](didOf(holder.address), URI));
  await measure(
    "register, URI of 28 bytes, digest",
    asIssuer["registerDID(string,string,bytes32)"](didOf(issuer.address), URI, DOCUMENT_HASH),
  );
  const registration = { kind: "register", did: didOf(delegate.address), documentUri: URI } as const;
  const consentOf = (wish: Parameters<typeof consentTo>[1], account: typeof holder, nonce: bigint): Promise<Consent> =>
    consentTo(registry, wish, account, { nonce, deadline: LATE, key: account });
  await measure(
    "register by signature, digest",
    asRelayer.registerDIDFor(didOf(delegate.address), URI, DOCUMENT_HASH, await consentOf(registration, delegate, 0n)),
  );
  await measure("update document", asHolder.updateDocument(holder.address, `${URI.slice(0, -1)}5`, ZeroHash));
  await measure("add delegate", asIssuer.addDelegate(issuer.address, STATUS_ROLE, delegate.address, FOREVER));
  await measure("burn nonce", asHolder.burnNonce(holder.address, 0));

  await measure("revoke 1, fresh word", asIssuer.setCredentialStatus(credId(0), true));
  await measure("revoke 1, used word", asIssuer.setCredentialStatus(credId(1), true));
  await measure("revoke 1, already revoked", asIssuer.setCredentialStatus(credId(1), true));
  await measure("revoke 1 as a delegate", registry.connect(delegate).setCredentialStatus(credId(2), true));
  const revocation = { kind: "setStatus", credId: credId(3), revoked: true } as const;
  await measure(
    "revoke 1 by signature",
    asRelayer.setCredentialStatusFor(credId(3), true, await consentOf(revocation, issuer, 0n)),
  );
  await measure("suspend 1, fresh word", asIssuer.suspendCredential(credId(4)));
  await measure("suspend 1, used word", asIssuer.suspendCredential(credId(5)));
  await measure("reinstate 1", asIssuer.setCredentialStatus(credId(5), false));

  await measure("revoke 256, fresh word", asIssuer.setStatusWords(issuer.address, REVOCATION, 1, [ALL]));
  await asIssuer.setCredentialStatus(credId(512), true);
  await measure("revoke 256, used word", asIssuer.setStatusWords(issuer.address, REVOCATION, 2, [ALL]));
  await asIssuer.setCredentialStatus(credId(768), true);
  await measure("revoke 256 by ids, used word", asIssuer.setCredentialStatuses(ids(768, 256), true));
  await measure(
    "revoke 16 by ids, 16 words",
    asIssuer.setCredentialStatuses(
      Array.from({ length: 16 }, (_, word) => credId(2560 + word * 256)),
      true,
    ),
  );

  const first = noise("first");
  const more = noise("more").map((bits, word) => bits | (first[word] ?? 0n));
  await asIssuer.setStatusWords(issuer.address, REVOCATION, 512, first);
  await measure("rewrite 131,072 revocations", asIssuer.setStatusWords(issuer.address, REVOCATION, 512, more));
  await asIssuer.setStatusWords(issuer.address, SUSPENSION, 512, first);
  await measure(
    "rewrite 131,072 suspensions",
    asIssuer.setStatusWords(issuer.address, SUSPENSION, 512, noise("other")),
  );

  await measure("change controller", asIssuer.changeController(issuer.address, holder.address));
  await measure("revoke 1 as another controller", asHolder.setCredentialStatus(credId(6), true));
  await measure("revoke delegate", asHolder.revokeDelegate(issuer.address, STATUS_ROLE, delegate.address));
  await measure("deactivate", asHolder.deactivateDID(holder.address));
  await measure("accredit an issuer", issuers.accredit(issuer.address, URI));
  await measure("discredit an issuer", issuers.discredit(issuer.address, URI));
  return figures;
}

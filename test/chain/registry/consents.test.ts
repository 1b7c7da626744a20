import { expect } from "chai";
import { TypedDataEncoder } from "ethers";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { didRegistryInterface } from "../../../chain/registry/abi";
import {
  consentDigest,
  consentDomain,
  consentFields,
  consentTypedData,
  encodeWrite,
  type RegistryWrite,
} from "../../../chain/registry/consents";
import { registrationDigest, registrationTypedData } from "../../../chain/registry/registration";

const CONTRACTS = join(__dirname, "../../../contracts");
const source = readdirSync(CONTRACTS, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".sol"))
  .map((name) => readFileSync(join(CONTRACTS, name), "utf8"))
  .join("\n")
  // Solidity joins literals that follow one another.
  .replace(/"\s*\n\s*"/g, "");

const ALICE = `0x${"a1".repeat(20)}`;
const HASH = `0x${"12".repeat(32)}`;
const REGISTRY = { chainId: 31337, contract: `0x${"cc".repeat(20)}`, didMethod: "mychain" };
const identity = ALICE;
const document = { documentUri: "https://a.example", documentHash: HASH };
const delegation = { identity, role: HASH, delegate: ALICE };
const list = { issuer: ALICE, purpose: 1, masks: [3n, 4n], on: false };

/** One of each: a type that is missing here does not compile. */
const WRITES: { [Type in RegistryWrite["type"]]: Extract<RegistryWrite, { type: Type }> } = {
  RegisterDID: { type: "RegisterDID", values: { did: `did:mychain:${ALICE}`, ...document } },
  UpdateDocument: { type: "UpdateDocument", values: { identity, ...document } },
  ChangeController: { type: "ChangeController", values: { identity, newController: ALICE } },
  NameSuccessor: { type: "NameSuccessor", values: { identity, commitment: HASH } },
  RotateController: { type: "RotateController", values: { identity, salt: HASH, nextCommitment: HASH } },
  AddDelegate: { type: "AddDelegate", values: { ...delegation, expiresAt: 9 } },
  RevokeDelegate: { type: "RevokeDelegate", values: delegation },
  DeactivateDID: { type: "DeactivateDID", values: { identity } },
  CancelNonces: { type: "CancelNonces", values: { identity, role: HASH, nextNonce: 5n } },
  SetStatus: { type: "SetStatus", values: { credId: HASH, purpose: 1, on: true } },
  SetStatusWords: { type: "SetStatusWords", values: { ...list, firstWord: 7n } },
  SetStatusMasks: { type: "SetStatusMasks", values: { ...list, words: [1n, 2n] } },
  AnchorDigest: { type: "AnchorDigest", values: { identity, digest: HASH } },
};
const TERMS = { signer: ALICE, nonce: 7n, deadline: 8 };

describe("consents", () => {
  for (const write of Object.values(WRITES)) {
    const method = `${write.type.charAt(0).toLowerCase()}${write.type.slice(1)}WithConsent`;

    it(`has ${write.type} as the contract hashes it`, () => {
      const type = TypedDataEncoder.from({ [write.type]: consentFields(write.type) }).encodeType(write.type);
      expect(source).to.include(`"${type}"`);
    });

    it(`gives ${method} every argument of ${write.type} in its place`, () => {
      const consent = { ...TERMS, signature: "0x0102" };
      const call = didRegistryInterface.parseTransaction({ data: encodeWrite(write, consent) })!;
      expect(call.name).to.equal(method);
      const { consent: given, ...values } = call.args.toObject() as { consent: { toObject(): object } };
      expect(given.toObject()).to.deep.include({ nonce: 7n, deadline: 8n, signature: "0x0102" });
      expect(Object.keys(values)).to.have.members(Object.keys(write.values));
      for (const [name, value] of Object.entries(write.values)) {
        expect(String((values as Record<string, unknown>)[name]).toLowerCase()).to.equal(String(value));
      }
    });

    it(`asks a wallet to sign the digest of ${write.type}, in JSON`, () => {
      const { domain, types, primaryType, message } = consentTypedData(REGISTRY, write, TERMS);
      const read = JSON.parse(JSON.stringify(message)) as Record<string, unknown>;
      const digest = TypedDataEncoder.hash(domain, { [primaryType]: types[primaryType] ?? [] }, read);
      expect(digest).to.equal(consentDigest(REGISTRY, write, TERMS));
    });
  }

  it("names the domain as the contract's constructor does", () => {
    const { name, version } = consentDomain(REGISTRY);
    expect(source).to.include(`EIP712("${name}", "${version}")`);
    expect(didRegistryInterface.hasFunction("eip712Domain")).to.equal(true);
  });

  it("asks a wallet to sign the very digest that it verifies a registration by", () => {
    const deadline = new Date("2026-11-21T12:00:00Z");
    const registration = { walletAddress: ALICE, documentUri: "https://a.example", nonce: "3", deadline };
    const { domain, types, primaryType, message } = registrationTypedData(REGISTRY, registration);
    const digest = TypedDataEncoder.hash(domain, { [primaryType]: types[primaryType] ?? [] }, message);
    expect(digest).to.equal(registrationDigest(REGISTRY, registration));
    expect(message).to.deep.include({ signer: ALICE, nonce: "3", deadline: "1795262400" });
  });

  it("counts for one signer and one contract on one chain", () => {
    const digests = [
      consentDigest(REGISTRY, WRITES.SetStatus, TERMS),
      consentDigest({ ...REGISTRY, chainId: 1 }, WRITES.SetStatus, TERMS),
      consentDigest({ ...REGISTRY, contract: ALICE }, WRITES.SetStatus, TERMS),
      consentDigest(REGISTRY, WRITES.SetStatus, { ...TERMS, signer: `0x${"b0".repeat(20)}` }),
    ];
    expect(new Set(digests).size).to.equal(4);
  });
});

import { expect } from "chai";
import { TypedDataEncoder } from "ethers";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DID_REGISTRY_ABI, didRegistryInterface } from "../../../chain/registry/abi";
import {
  CONSENT_TYPES,
  consentDigest,
  consentDomain,
  encodeWrite,
  type RegistryWrite,
} from "../../../chain/registry/consents";
import { registrationDigest, registrationTypedData } from "../../../chain/registry/registration";

const CONTRACTS = join(__dirname, "../../../contracts");
const source = readdirSync(CONTRACTS)
  .filter((name) => name.endsWith(".sol"))
  .map((name) => readFileSync(join(CONTRACTS, name), "utf8"))
  .join("\n")
  // Solidity joins literals that follow one another.
  .replace(/"\s*\n\s*"/g, "");

const ALICE = `0x${"a1".repeat(20)}`;
const HASH = `0x${"12".repeat(32)}`;
const REGISTRY = { chainId: 31337, contract: `0x${"cc".repeat(20)}`, didMethod: "mychain" };
const identity = { identity: ALICE, documentUri: "https://a.example", documentHash: HASH };

/** One of each: a type that is missing here does not compile. */
const WRITES: { [Type in RegistryWrite["type"]]: Extract<RegistryWrite, { type: Type }> } = {
  RegisterDID: { type: "RegisterDID", values: { ...identity, did: `did:mychain:${ALICE}` } },
  UpdateDocument: { type: "UpdateDocument", values: identity },
  SetCredentialStatus: { type: "SetCredentialStatus", values: { credId: HASH, revoked: true } },
  SetCredentialStatuses: { type: "SetCredentialStatuses", values: { credIds: [HASH, HASH], revoked: false } },
  SuspendCredential: { type: "SuspendCredential", values: { credId: HASH } },
  SuspendCredentials: { type: "SuspendCredentials", values: { credIds: [HASH] } },
};

describe("consents", () => {
  for (const write of Object.values(WRITES)) {
    const { fields, method } = CONSENT_TYPES[write.type];

    it(`has ${write.type} as the contract hashes it`, () => {
      const type = TypedDataEncoder.from({ [write.type]: [...fields] }).encodeType(write.type);
      expect(source).to.include(`"${type}"`);
    });

    it(`gives ${method} every argument of ${write.type} in its place`, () => {
      const consent = { signer: ALICE, nonce: 7, deadline: 8, signature: "0x0102" };
      const decoded = didRegistryInterface.decodeFunctionData(method, encodeWrite(write, consent)).toObject();
      const { consent: given, ...values } = decoded as { consent: { toObject(): object } };
      expect(given.toObject()).to.deep.include({ nonce: 7n, deadline: 8n, signature: "0x0102" });
      const expected = Object.entries(write.values).filter(([name]) => name in values);
      expect(Object.keys(values)).to.have.length(expected.length);
      for (const [name, value] of expected) {
        expect(String((values as Record<string, unknown>)[name]).toLowerCase()).to.equal(String(value));
      }
    });
  }

  it("names the domain as the contract's constructor does", () => {
    const { name, version } = consentDomain(REGISTRY);
    expect(source).to.include(`EIP712("${name}", "${version}")`);
    expect(DID_REGISTRY_ABI.some((item) => item.type === "function" && item.name === "eip712Domain")).to.equal(true);
  });

  it("asks a wallet to sign the very digest that it verifies a registration by", () => {
    const deadline = new Date("2026-11-21T12:00:00Z");
    const registration = { walletAddress: ALICE, documentUri: "https://a.example", nonce: 3, deadline };
    const { domain, types, primaryType, message } = registrationTypedData(REGISTRY, registration);
    const digest = TypedDataEncoder.hash(domain, { [primaryType]: types[primaryType] }, message);
    expect(digest).to.equal(registrationDigest(REGISTRY, registration));
    expect(message).to.deep.include({ nonce: "3", deadline: "1795262400" });
  });

  it("counts for one contract on one chain", () => {
    const terms = { nonce: 0, deadline: 1 };
    const digests = [REGISTRY, { ...REGISTRY, chainId: 1 }, { ...REGISTRY, contract: ALICE }].map((registry) =>
      consentDigest(registry, WRITES.SuspendCredential, terms),
    );
    expect(new Set(digests).size).to.equal(3);
  });
});

import { expect } from "chai";
import { encodeBytes32String, getAddress, id } from "ethers";
import { buildDidDocument, type DidSubject, roleName, withContext } from "../../../chain/did/document";

const ALICE = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const BOB = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc";
const CAROL = "0x90f79bf6eb2c4f870365e785982e1f101e93b906";
const DID = `did:mychain:${ALICE}`;
const NOW = new Date("2026-11-21T12:00:00Z");

function subject(over: Partial<DidSubject> = {}): DidSubject {
  return {
    method: "mychain",
    chainId: 31337,
    address: ALICE,
    controller: ALICE,
    documentUri: "https://alice.example/did.json",
    delegations: [],
    keys: [],
    ...over,
  };
}

const grant = (role: string, delegate: string, expiresAt = new Date("2027-01-01T00:00:00Z")) => ({
  role: encodeBytes32String(role),
  delegate,
  expiresAt,
});

describe("a DID document", () => {
  it("of an identity that controls itself names its key by CAIP-10 and where its document is", () => {
    expect(buildDidDocument(subject(), NOW)).to.deep.equal({
      id: DID,
      verificationMethod: [
        {
          id: `${DID}#controller`,
          type: "EcdsaSecp256k1RecoveryMethod2020",
          controller: DID,
          blockchainAccountId: `eip155:31337:${getAddress(ALICE)}`,
        },
      ],
      authentication: [`${DID}#controller`],
      assertionMethod: [`${DID}#controller`],
      service: [{ id: `${DID}#document`, type: "DidDocument", serviceEndpoint: "https://alice.example/did.json" }],
    });
  });

  it("names another controller, whose key alone authenticates then", () => {
    const document = buildDidDocument(subject({ controller: BOB }), NOW);
    expect(document.controller).to.equal(`did:mychain:${BOB}`);
    expect(
      document.verificationMethod.map((method) => "blockchainAccountId" in method && method.blockchainAccountId),
    ).to.deep.equal([`eip155:31337:${getAddress(BOB)}`]);
  });

  it("gives a delegate the relationship its role names, and a status delegate none", () => {
    const delegations = [grant("authentication", BOB), grant("capabilityDelegation", BOB), grant("status", CAROL)];
    const document = buildDidDocument(subject({ delegations }), NOW);
    expect(document.verificationMethod.map((method) => method.id)).to.deep.equal([
      `${DID}#controller`,
      `${DID}#${BOB}`,
      `${DID}#${CAROL}`,
    ]);
    expect(document.authentication).to.deep.equal([`${DID}#controller`, `${DID}#${BOB}`]);
    expect(document.capabilityDelegation).to.deep.equal([`${DID}#${BOB}`]);
    expect(document.assertionMethod).to.deep.equal([`${DID}#controller`]);
    expect(document).to.not.have.property("capabilityInvocation");
    expect(JSON.stringify({ ...document, verificationMethod: [] })).to.not.contain(CAROL);
  });

  it("leaves a delegate out from the second its role ends", () => {
    const delegations = [grant("authentication", BOB, NOW)];
    expect(buildDidDocument(subject({ delegations }), NOW).authentication).to.deep.equal([`${DID}#controller`]);
    const justBefore = new Date(NOW.getTime() - 1);
    expect(buildDidDocument(subject({ delegations }), justBefore).authentication).to.include(`${DID}#${BOB}`);
  });

  it("has no service where the registered text is no URI", () => {
    for (const documentUri of [
      "somewhere",
      "https://a.example/a b",
      "https://a.example/<x>",
      "https://exämple.org",
      "http://",
      "https://a.example/%zz",
      "https://a.example/%4",
      "https://a.example/#one#two",
      "https://a.example/[x]",
      "https://a.example/?q=[1]",
      "https://[::1",
      "https://[zz]/",
      "https://a.example:port/",
      "urn:",
      "ipfs:",
      "//a.example/",
      "1ab:c",
      "https://a.example/\\",
      "https://a.example/^",
    ]) {
      expect(buildDidDocument(subject({ documentUri }), NOW), documentUri).to.not.have.property("service");
    }
    for (const documentUri of [
      "ipfs://bafybeigdyrzt",
      "https://user:pw@a.example:8443/a/b;c=1,2/~x?q=a/b?c&d='e'!#f/?g",
      "https://[2001:db8::1]:8443/%C3%A4",
      "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
      "data:application/json,%7B%7D",
      "did:web:a.example",
      "file:///etc/did.json",
    ]) {
      expect(buildDidDocument(subject({ documentUri }), NOW), documentUri).to.have.property("service");
    }
  });

  it("begins with the DID context of the media type as JSON-LD", () => {
    const suite = "https://w3id.org/security/suites/secp256k1recovery-2020/v2";
    const document = buildDidDocument(subject(), NOW);
    const publicUrl = "https://cairn.example";
    const own = "https://cairn.example/contexts/v1";
    expect(withContext(document, { version: "v1", publicUrl })["@context"]).to.deep.equal([
      "https://www.w3.org/ns/did/v1",
      suite,
      own,
    ]);
    expect(withContext(document, { version: "v1.1", publicUrl })["@context"]).to.deep.equal([
      "https://www.w3.org/ns/did/v1.1",
      suite,
      own,
    ]);
  });

  it("takes roles for names where they are text", () => {
    expect(roleName(encodeBytes32String("status"))).to.equal("status");
    expect(roleName(id("status"))).to.equal(id("status"));
  });
});

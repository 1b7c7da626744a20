import { expect } from "chai";
import fc from "fast-check";
import { formatDid, normalizeDid, parseDid, parseRegistryDid } from "../../../chain/did/did";
import { DomainError } from "../../../core/errors";

const ADDRESS = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
/** Every valid way to write it: lower case, upper case, EIP-55. */
const SPELLINGS = [ADDRESS, `0x${ADDRESS.slice(2).toUpperCase()}`, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"];
/** One letter's case is not as EIP-55 has it. */
const MISTYPED = "0x70997970c51812dc3A010C7d01b50e0d17dc79C8";

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
  return "accepted";
}

describe("a DID", () => {
  it("of this registry ends in the identity's address in lower case", () => {
    expect(formatDid("mychain", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")).to.equal(`did:mychain:${ADDRESS}`);
    expect(parseRegistryDid(`did:mychain:${ADDRESS}`, "mychain")).to.deep.equal({
      method: "mychain",
      address: ADDRESS,
    });
  });

  it("is one in whatever letter case its address is written, and refused when that breaks the checksum of EIP-55", () => {
    for (const id of SPELLINGS) {
      expect(parseRegistryDid(`did:mychain:${id}`, "mychain").address, id).to.equal(ADDRESS);
      expect(normalizeDid(`did:mychain:${id}`), id).to.equal(`did:mychain:${ADDRESS}`);
    }
    for (const read of [normalizeDid, (text: string) => parseRegistryDid(text, "mychain")]) {
      expect(codeOf(() => read(`did:mychain:${MISTYPED}`))).to.equal("did.checksum_mismatch");
    }
    expect(normalizeDid("did:web:Example.com")).to.equal("did:web:Example.com");
  });

  it("comes back from its parts, whatever the address", () => {
    const address = fc
      .uint8Array({ minLength: 20, maxLength: 20 })
      .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`);
    fc.assert(
      fc.property(address, (given) => parseRegistryDid(formatDid("mychain", given), "mychain").address === given),
    );
  });

  for (const [what, text] of [
    ["nothing", ""],
    ["no method", `did::${ADDRESS}`],
    ["no identifier", "did:mychain:"],
    ["an upper-case scheme", `DID:mychain:${ADDRESS}`],
    ["an upper-case method", `did:MyChain:${ADDRESS}`],
    ["a fragment", `did:mychain:${ADDRESS}#controller`],
    ["a path", `did:mychain:${ADDRESS}/file`],
    ["a query", `did:mychain:${ADDRESS}?versionId=1`],
    ["a blank", `did:mychain:${ADDRESS} `],
    ["a line break", `did:mychain:${ADDRESS}\n`],
    ["half an escape", "did:mychain:%4"],
    ["a colon at the end", "did:example:a:"],
    ["a letter beyond ASCII", "did:example:é"],
    ["more than 2,048 characters", `did:example:${"a".repeat(2_048)}`],
  ] as const) {
    it(`is refused with ${what}`, () => {
      expect(codeOf(() => parseDid(text))).to.equal("did.invalid");
    });
  }

  it("of any method is taken apart by the generic syntax (DID 1.0, section 3.1)", () => {
    expect(parseDid("did:web:example.com:user%3A1:a_b-c")).to.deep.equal({
      method: "web",
      id: "example.com:user%3A1:a_b-c",
    });
    expect(parseDid("did:example::a")).to.deep.equal({ method: "example", id: ":a" });
  });

  it("of another method is told apart from one that is malformed", () => {
    expect(codeOf(() => parseRegistryDid("did:web:example.com", "mychain"))).to.equal("did.method_not_supported");
    for (const id of [ADDRESS.toUpperCase(), ADDRESS.slice(0, -1), `${ADDRESS}0`, ADDRESS.slice(2), `a:${ADDRESS}`]) {
      expect(
        codeOf(() => parseRegistryDid(`did:mychain:${id}`, "mychain")),
        id,
      ).to.equal("did.invalid");
    }
  });
});

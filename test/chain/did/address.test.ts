import { expect } from "chai";
import { getAddress } from "ethers";
import fc from "fast-check";
import { parseAddress } from "../../../chain/did/address";
import { DomainError } from "../../../core/errors";

const anyAddress = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`);

function codeOf(text: string): string {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}

describe("an address", () => {
  it("is one in lower case, upper case and as EIP-55 has it", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        for (const spelling of [address, `0x${address.slice(2).toUpperCase()}`, getAddress(address)]) {
          expect(parseAddress(spelling)).to.equal(address);
        }
      }),
    );
  });

  it("is refused when one letter of its checksum has the other case", () => {
    fc.assert(
      fc.property(anyAddress, fc.nat(39), (address, at) => {
        const good = getAddress(address);
        const letter = good[2 + at]!;
        const flipped = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
        const mistyped = `${good.slice(0, 2 + at)}${flipped}${good.slice(3 + at)}`;
        const digits = mistyped.slice(2);
        const isOneCase = digits === digits.toLowerCase() || digits === digits.toUpperCase();
        expect(codeOf(mistyped)).to.equal(mistyped === good || isOneCase ? address : "address.checksum_mismatch");
      }),
    );
  });

  it("is refused in any other form", () => {
    for (const text of ["", "0x", "0xZz", `0x${"g".repeat(40)}`, `0X${"a".repeat(40)}`, "a".repeat(40)]) {
      expect(codeOf(text), text).to.equal("address.malformed");
    }
    for (const text of [`0x${"a".repeat(39)}`, `0x${"a".repeat(41)}`, `0x${"a".repeat(40)}\n`]) {
      expect(codeOf(text), text).to.equal("address.malformed");
    }
  });
});

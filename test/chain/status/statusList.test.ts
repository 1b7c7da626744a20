import { expect } from "chai";
import { StatusList } from "@sd-jwt/jwt-status-list";
import { setBit } from "../../../chain/status/bitstring";
import { encodeStatusList, statusBytes } from "../../../chain/status/statusList";

describe("a Token Status List", () => {
  /** What an independent library reads of it. */
  function readByLibrary(bytes: Uint8Array): number[] {
    return StatusList.decompressStatusList(encodeStatusList(bytes), 2).statusList;
  }

  it("says the same as the chain's bits to an independent library, revocation before suspension", () => {
    const [revoked, suspended] = [new Uint8Array(32), new Uint8Array(32)];
    for (const index of [0, 7, 8, 130, 255]) setBit(revoked, index, true);
    for (const index of [1, 7, 9, 131, 254]) setBit(suspended, index, true);
    const statuses = readByLibrary(statusBytes({ revoked, suspended }));
    expect(statuses).to.have.length(256);
    const expected = new Array<number>(256).fill(0);
    for (const index of [1, 9, 131, 254]) expected[index] = 2;
    for (const index of [0, 7, 8, 130, 255]) expected[index] = 1;
    expect(statuses).to.deep.equal(expected);
  });

  it("has the first credential in the least significant bits (§4.1)", () => {
    const revoked = Uint8Array.of(0b1000_0000);
    const suspended = Uint8Array.of(0b0100_0001);
    expect([...statusBytes({ revoked, suspended })]).to.deep.equal([0b0000_1001, 0b1000_0000]);
  });

  it("is ZLIB, as the draft's example has it (§4.2)", () => {
    expect(encodeStatusList(Uint8Array.of(0xb9, 0xa3))).to.equal("eNrbuRgAAhcBXQ");
  });
});

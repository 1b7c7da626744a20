import { expect } from "chai";
import { concat, keccak256, zeroPadValue } from "ethers";
import { successorCommitment } from "../../../chain/registry/successor";

/** The test vector of docs/recovery.md. */
const VECTOR = {
  identity: "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
  successor: "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
  salt: `0x${"5a".repeat(32)}`,
};
const COMMITMENT = "0x7567ef40a66ecec0e7ffa0e06d1fc05d21ed84a388cf6bb1f95dafe8a6cdbae3";

describe("the commitment to a successor", () => {
  it("is the test vector's", () => {
    expect(successorCommitment(VECTOR)).to.equal(COMMITMENT);
  });

  it("is keccak256 of three words: both addresses padded on the left, and the salt", () => {
    const { identity, successor, salt } = VECTOR;
    const words = concat([zeroPadValue(identity, 32), zeroPadValue(successor, 32), salt]);
    expect(successorCommitment(VECTOR)).to.equal(keccak256(words));
  });

  it("is another one for another identity, successor or salt, and the same for another spelling", () => {
    const other = `0x${"01".repeat(20)}`;
    const changed = [
      { ...VECTOR, identity: other },
      { ...VECTOR, successor: other },
      { ...VECTOR, salt: `0x${"5b".repeat(32)}` },
    ];
    expect(new Set([COMMITMENT, ...changed.map(successorCommitment)]).size).to.equal(4);
    const spelled = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    expect(successorCommitment({ ...VECTOR, identity: spelled })).to.equal(COMMITMENT);
  });
});

import { expect } from "chai";
import { ProofError, verifyPlainTrieProof } from "../../../../api/audit/merkleProof";
import { encodeReceipt, proveReceipt, receiptKey, type RpcReceipt } from "../../../../api/audit/uses/receiptTrie";

const receipt = (index: number, type = "0x2"): RpcReceipt => ({
  type,
  status: "0x1",
  cumulativeGasUsed: `0x${(21_000 * (index + 1)).toString(16)}`,
  logsBloom: `0x${"00".repeat(256)}`,
  logs: [{ address: `0x${"ab".repeat(20)}`, topics: [`0x${"01".repeat(32)}`], data: "0x" }],
});

describe("the trie of a block's receipts", () => {
  it("proves every receipt of blocks of any size", () => {
    for (const size of [1, 2, 3, 15, 16, 17, 18, 127, 128, 129, 130, 256, 257, 300]) {
      const receipts = Array.from({ length: size }, (_, index) => encodeReceipt(receipt(index)));
      const picked = new Set([0, 1, 15, 16, 127, 128, 255, 256, size - 1].filter((index) => index < size));
      for (const index of picked) {
        const { root, proof } = proveReceipt(receipts, index);
        expect(verifyPlainTrieProof(root, receiptKey(index), proof), `${index} of ${size}`).to.equal(receipts[index]);
      }
    }
  });

  it("proves no receipt under another's index", () => {
    const receipts = Array.from({ length: 20 }, (_, index) => encodeReceipt(receipt(index)));
    const { root, proof } = proveReceipt(receipts, 3);
    expect(() => verifyPlainTrieProof(root, receiptKey(4), proof)).to.throw(ProofError);
    expect(() => verifyPlainTrieProof(root, receiptKey(3), proof.slice(0, -1))).to.throw("ends before");
    expect(() => proveReceipt(receipts, 20)).to.throw("has none 20");
  });

  it("writes a typed receipt's type before it, and a legacy one's not", () => {
    expect(encodeReceipt(receipt(0)).slice(0, 4)).to.equal("0x02");
    expect(encodeReceipt(receipt(0, "0x0"))).to.equal(`0x${encodeReceipt(receipt(0)).slice(4)}`);
  });
});

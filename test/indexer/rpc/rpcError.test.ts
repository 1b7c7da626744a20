import { expect } from "chai";
import { kindOfAnswer, kindOfStatus, type RpcErrorKind } from "../../../indexer/rpc/rpcError";

// Answers as nodes and providers word them.
const answers: [number, string, RpcErrorKind][] = [
  [-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2].", "too_large"],
  [-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range", "too_large"],
  [-32000, "exceed maximum block range: 5000", "too_large"],
  [-32000, "block range is too wide", "too_large"],
  [-32614, "eth_getLogs is limited to a 10,000 range", "too_large"],
  [-32602, "query exceeds max results 20000, retry with the range 1-2", "too_large"],
  [-32005, "limit exceeded", "too_large"],
  [-32000, "query timeout exceeded", "too_large"],
  [-32011, "block range extends over 1000 blocks, max blocks range exceeded", "too_large"],
  [-32603, "response size should not greater than 10485760 bytes", "too_large"],
  [-32062, "Batch size is too large", "too_large"],
  [-32005, "daily request count exceeded, request rate limited", "quota"],
  [429, "Your app has exceeded its compute units per second capacity", "quota"],
  [-32007, "50/second request limit reached - reduce calls per second", "quota"],
  [-32029, "Too Many Requests", "quota"],
  [-32601, "the method eth_getBlockReceipts does not exist/is not available", "unsupported"],
  [-32004, "Method eth_getBlockReceipts is not supported", "unsupported"],
  [-32000, "unknown block", "behind"],
  [-32001, "header not found", "behind"],
  [-32000, "invalid block range params", "behind"],
  [3, "execution reverted", "rejected"],
];

describe("errors of nodes", () => {
  for (const [code, message, kind] of answers) {
    it(`classifies ${code} "${message}" as ${kind}`, () => {
      expect(kindOfAnswer(code, message)).to.equal(kind);
    });
  }

  it("classifies HTTP statuses by what helps", () => {
    expect(kindOfStatus(429, "")).to.equal("quota");
    expect(kindOfStatus(413, "")).to.equal("too_large");
    expect(kindOfStatus(403, "monthly quota exhausted")).to.equal("quota");
    expect(kindOfStatus(403, "forbidden")).to.equal("http");
    expect(kindOfStatus(400, "query returned more than 10000 results")).to.equal("too_large");
    expect(kindOfStatus(502, "bad gateway")).to.equal("http");
  });
});

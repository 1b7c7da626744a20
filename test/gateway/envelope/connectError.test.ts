import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { toConnectError } from "../../../gateway/envelope/connectError";
import { reject } from "../../../gateway/envelope/rejection";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../gateway/gen/google/rpc/error_details_pb";

describe("a rejection on the wire", () => {
  it("is the gRPC status with google.rpc.ErrorInfo", () => {
    const error = toConnectError(reject("REQUEST_STALE", { metadata: { server_time_ms: "1780000000000" } }));
    expect(error.code).to.equal(Code.FailedPrecondition);
    expect(error.rawMessage).to.match(/^The request was signed more than 120 s ago/);
    expect(error.findDetails(ErrorInfoSchema)).to.have.length(1);
    expect(error.findDetails(ErrorInfoSchema)[0]).to.include({ reason: "REQUEST_STALE", domain: "cairn" });
    expect(error.findDetails(ErrorInfoSchema)[0]?.metadata).to.deep.equal({ server_time_ms: "1780000000000" });
    expect(error.findDetails(RetryInfoSchema)).to.deep.equal([]);
  });

  it("says by google.rpc.RetryInfo when the same request helps, to the millisecond, never too early", () => {
    const delays: [ms: number, seconds: bigint, nanos: number][] = [
      [0, 0n, 0],
      [1_000, 1n, 0],
      [30_001, 30n, 1_000_000],
      [12_345.2, 12n, 346_000_000],
    ];
    for (const [retryAfterMs, seconds, nanos] of delays) {
      const [retry] = toConnectError(reject("BUDGET_IP", { retryAfterMs })).findDetails(RetryInfoSchema);
      expect(retry?.retryDelay).to.include({ seconds, nanos });
    }
  });

  it("has the names and numbers that google.rpc gives its messages", () => {
    expect([ErrorInfoSchema.typeName, RetryInfoSchema.typeName]).to.deep.equal([
      "google.rpc.ErrorInfo",
      "google.rpc.RetryInfo",
    ]);
    const info = create(ErrorInfoSchema, { reason: "R", domain: "d", metadata: { k: "v" } });
    // Field 1 "R", field 2 "d", field 3 an entry of field 1 "k" and field 2 "v", each of wire type 2.
    expect(Buffer.from(toBinary(ErrorInfoSchema, info)).toString("hex")).to.equal("0a0152120164" + "1a060a016b120176");
    const retry = create(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 2 } });
    expect(Buffer.from(toBinary(RetryInfoSchema, retry)).toString("hex")).to.equal("0a0408011002");
  });
});

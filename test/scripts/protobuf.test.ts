import { expect } from "chai";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { differingFiles } from "../../scripts/protobuf";

const GATEWAY = join(__dirname, "..", "..", "gateway");

describe("the code generated from gateway/proto", () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), "cairn-gateway-"));
    for (const part of ["proto", "gen", "buf.yaml"]) cpSync(join(GATEWAY, part), join(copy, part), { recursive: true });
  });
  afterEach(() => rmSync(copy, { recursive: true, force: true }));

  it("is committed as the pinned generator makes it", () => {
    expect(differingFiles(GATEWAY)).to.deep.equal([]);
    expect(differingFiles(copy)).to.deep.equal([]);
  });

  it("is named where the protocol was changed without it", () => {
    const proto = join(copy, "proto/cairn/gateway/v1/gateway.proto");
    writeFileSync(proto, readFileSync(proto, "utf8").replace("string trace_id = 7;", "string trace_id = 8;"));
    expect(differingFiles(copy)).to.deep.equal(["cairn/gateway/v1/gateway_pb.ts"]);
  });

  it("is named where it was edited, is missing or is left over", () => {
    appendFileSync(join(copy, "gen/cairn/gateway/v1/gateway_pb.ts"), "// by hand\n");
    rmSync(join(copy, "gen/google"), { recursive: true });
    writeFileSync(join(copy, "gen/old_pb.ts"), "");
    expect(differingFiles(copy)).to.deep.equal([
      "cairn/gateway/v1/gateway_pb.ts",
      "google/rpc/error_details_pb.ts",
      "old_pb.ts",
    ]);
  });

  it("is refused where the protocol cannot be read", () => {
    writeFileSync(join(copy, "proto/cairn/gateway/v1/gateway.proto"), "message {");
    expect(() => differingFiles(copy)).to.throw(/^buf generate failed: .*gateway\.proto:1:9/s);
  });
});

import { expect } from "chai";
import { commandQuery, COMMANDS, ServiceClaims } from "../../core/internalApi";

describe("what gateway and API agree on", () => {
  it("leads each command to the path that its message type names", () => {
    for (const [type, { path }] of Object.entries(COMMANDS)) {
      expect(path).to.equal(`/api/v1/user/${type.replaceAll(".", "/")}`);
    }
  });

  it("makes a query of texts, numbers and truth values, and of nothing else", () => {
    expect(commandQuery({ limit: 20, status: "all", id: "a&b=c", unused: false })?.toString()).to.equal(
      "limit=20&status=all&id=a%26b%3Dc&unused=false",
    );
    expect(commandQuery({})?.toString()).to.equal("");
    for (const payload of [null, [], "limit=20", 7, undefined, { ids: ["a"] }, { id: null }, { filter: { a: 1 } }]) {
      expect(commandQuery(payload), JSON.stringify(payload)).to.equal(undefined);
    }
  });

  it("knows claims of its own issuer and audience alone, with ids in one spelling", () => {
    const rid = "11111111-1111-4111-8111-aaaaaaaaaaaa";
    const claims = { iss: "cairn-gateway", aud: "cairn-internal", iat: 1, exp: 61, rid };
    expect(ServiceClaims.safeParse(claims).success).to.equal(true);
    for (const wrong of [{ iss: "cairn" }, { aud: "cairn" }, { rid: rid.toUpperCase() }, { exp: "61" }, { sid: "x" }]) {
      expect(ServiceClaims.safeParse({ ...claims, ...wrong }).success, JSON.stringify(wrong)).to.equal(false);
    }
  });
});

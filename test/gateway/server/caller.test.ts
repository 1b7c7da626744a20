import { expect } from "chai";
import { addressOf } from "../../../gateway/server/caller";

const FORWARDED = { "x-forwarded-for": "198.51.100.1, 203.0.113.9, 10.0.0.1" };

describe("the address of a caller", () => {
  const address = (trustProxy: number, headers = FORWARDED) =>
    addressOf(headers, { remoteAddress: "10.0.0.2", trustProxy });

  it("is the connection's without trusted proxies, whatever is claimed", () => {
    expect(address(0)).to.equal("10.0.0.2");
  });

  it("is what the outermost trusted proxy heard", () => {
    expect([1, 2, 3].map((trusted) => address(trusted))).to.deep.equal(["10.0.0.1", "203.0.113.9", "198.51.100.1"]);
  });

  it("is what was heard at the farthest where proxies are fewer than trusted", () => {
    expect(address(10)).to.equal("198.51.100.1");
    expect(address(1, { "x-forwarded-for": "" })).to.equal("10.0.0.2");
  });

  it("is never what is no address", () => {
    expect(address(1, { "x-forwarded-for": "203.0.113.9, <script>" })).to.equal("203.0.113.9");
  });
});

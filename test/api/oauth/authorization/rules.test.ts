import { expect } from "chai";
import { authorizationResponseUrl } from "../../../../api/oauth/authorization/rules";
import { problemsOf } from "../../../../api/oauth/clients/rules";
import { queryProblems } from "../../../../api/presentations/dcql/query";

const ISSUER = "https://cairn.example";
const RESPONSE = { code: "OAC-1" };

describe("the authorization response", () => {
  for (const [redirectUri, prefix] of [
    ["https://app.example/cb", "https://app.example/cb?"],
    ["https://app.example", "https://app.example?"],
    ["https://APP.example:443/a/../cb", "https://APP.example:443/a/../cb?"],
    ["https://app.example/cb?q=a%20b&x=~'(1)*&y=%7e&z", "https://app.example/cb?q=a%20b&x=~'(1)*&y=%7e&z&"],
    ["https://app.example/cb?", "https://app.example/cb?"],
    ["https://app.example/cb?a=1&", "https://app.example/cb?a=1&"],
  ] as const) {
    it(`keeps ${redirectUri} byte for byte`, () => {
      const url = authorizationResponseUrl({ redirectUri, state: "a b&c" }, ISSUER, RESPONSE);
      expect(url).to.equal(`${prefix}code=OAC-1&state=a+b%26c&iss=https%3A%2F%2Fcairn.example`);
      expect(Object.fromEntries(new URL(url).searchParams)).to.include({ ...RESPONSE, state: "a b&c", iss: ISSUER });
    });
  }

  it("goes to URIs alone: others are not registered", () => {
    const registration = {
      name: "Shop",
      verifierUrl: "https://verifier.example",
      scopes: [{ name: "age", description: "your age", dcql: { credentials: [{ id: "a" }] } }],
    };
    for (const uri of [
      "https://app.example/ä",
      "https://app.example/%zz",
      "https://app.example/a b",
      "https://a/[x]",
    ]) {
      expect(problemsOf({ ...registration, redirectUris: [uri] }, queryProblems), uri).to.have.length(1);
    }
    expect(
      problemsOf({ ...registration, redirectUris: ["https://app.example/%C3%A4?q=1"] }, queryProblems),
    ).to.deep.equal([]);
  });
});

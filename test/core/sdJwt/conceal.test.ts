import { expect } from "chai";
import fc from "fast-check";
import type { Json, JsonObject } from "../../../core/json";
import { parseJson } from "../../../core/json";
import { reservedNameIn } from "../../../core/sdJwt/claimNames";
import { type ClaimPath, concealClaims, countClaims } from "../../../core/sdJwt/conceal";
import { digestOf, discloseClaims } from "../../../core/sdJwt/disclosures";

const CLAIMS = {
  given_name: "Ada",
  address: { country: "GB", locality: "London" },
  nationalities: ["GB", "FR"],
};

let drawn = 0;
const conceal = (claims: object, paths: ClaimPath[], decoys = 0) =>
  concealClaims(claims as JsonObject, { paths, decoys, drawSalt: () => `salt-${(drawn += 1)}` });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const partsOf = (disclosure: string): unknown[] => JSON.parse(Buffer.from(disclosure, "base64url").toString("utf8"));

describe("concealing claims", () => {
  it("digests a disclosure as RFC 9901 §4.2.3 does", () => {
    const disclosure = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
    expect(digestOf(disclosure)).to.equal("uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY");
  });

  it("puts the digest of salt, name and value in a claim's place, and leaves the others", () => {
    const { payload, disclosures } = conceal(CLAIMS, [["given_name"]]);
    expect(disclosures).to.have.length(1);
    expect(partsOf(disclosures[0]!).slice(1)).to.deep.equal(["given_name", "Ada"]);
    const { given_name: _concealed, ...rest } = CLAIMS;
    expect(plain(payload)).to.deep.equal({ ...rest, _sd: [digestOf(disclosures[0]!)], _sd_alg: "sha-256" });
  });

  it("conceals elements of arrays, one by its place and each by null", () => {
    const one = conceal(CLAIMS, [["nationalities", 1]]);
    expect(plain(one.payload["nationalities"])).to.deep.equal(["GB", { "...": digestOf(one.disclosures[0]!) }]);
    expect(partsOf(one.disclosures[0]!).slice(1)).to.deep.equal(["FR"]);
    const each = conceal(CLAIMS, [["nationalities", null]]);
    expect(each.disclosures.map((text) => partsOf(text)[1])).to.deep.equal(["GB", "FR"]);
  });

  it("conceals a claim within a concealed one inside its disclosure", () => {
    const { payload, disclosures } = conceal(CLAIMS, [["address"], ["address", "country"]]);
    const [country = "", address = ""] = disclosures;
    expect(partsOf(address).slice(1)).to.deep.equal(["address", { locality: "London", _sd: [digestOf(country)] }]);
    expect(plain(discloseClaims(parseJson(JSON.stringify(payload)) as JsonObject, [address]))).to.deep.include({
      address: { locality: "London" },
    });
  });

  it("hides the order of claims, and their number among decoys", () => {
    const { payload, disclosures } = conceal(CLAIMS, [["given_name"], ["address"], ["nationalities"]], 5);
    const digests = payload["_sd"] as string[];
    expect(digests).to.have.length(8);
    expect(digests).to.deep.equal([...digests].sort());
    expect(disclosures).to.have.length(3);
    for (const disclosure of disclosures) expect(digests).to.include(digestOf(disclosure));
  });

  it("loses nothing: with all disclosures the claims are what they were, whatever is concealed", () => {
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue({ maxDepth: 4 })), fc.array(fc.nat()), (made, choices) => {
        const claims = parseJson(JSON.stringify(made)) as JsonObject;
        const all = pathsIn(claims);
        const paths = choices.flatMap((choice) => (all.length === 0 ? [] : [all[choice % all.length]!]));
        const { payload, disclosures } = conceal(claims, paths, choices.length % 3);
        const signed = parseJson(JSON.stringify(payload)) as JsonObject;
        expect(plain(discloseClaims(signed, disclosures))).to.deep.equal(plain(claims));
        for (const path of paths) expect(countClaims(claims, path)).to.equal(1);
      }),
    );
  });

  it("knows how many claims a path leads to", () => {
    const claims = CLAIMS as unknown as JsonObject;
    expect(countClaims(claims, ["nationalities", null])).to.equal(2);
    expect(countClaims(claims, ["nationalities", 2])).to.equal(0);
    expect(countClaims(claims, ["address", "country"])).to.equal(1);
    expect(countClaims(claims, ["address", 0])).to.equal(0);
    expect(countClaims(claims, ["toString"])).to.equal(0);
  });
});

describe("names that an SD-JWT VC needs for itself", () => {
  it("are found at the top, and those of digests at any depth", () => {
    expect(reservedNameIn({ cnf: 1 })).to.equal("cnf");
    expect(reservedNameIn({ person: { cnf: 1, exp: 2 } })).to.equal(undefined);
    expect(reservedNameIn({ person: [{ _sd: [] }] })).to.equal("person.0._sd");
    expect(reservedNameIn({ "...": "x" })).to.equal("...");
    expect(reservedNameIn(CLAIMS)).to.equal(undefined);
  });
});

/** Names that the format allows. */
const name = fc.string({ minLength: 1 }).filter((text) => !["_sd", "...", "__proto__", "iss", "exp"].includes(text));

function pathsIn(value: Json): ClaimPath[] {
  if (typeof value !== "object" || value === null) return [];
  const entries: [string | number, Json][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries
    .filter(([step]) => step !== "_sd" && step !== "...")
    .flatMap(([step, member]) => [[step], ...pathsIn(member).map((path) => [step, ...path])]);
}

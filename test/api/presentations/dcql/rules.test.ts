import { expect } from "chai";
import { DcqlQuery as ForeignQuery } from "dcql";
import fc from "fast-check";
import { selectClaims } from "../../../../api/presentations/dcql/claimsPath";
import { mismatchOf, requestedClaims, unsatisfiedBy } from "../../../../api/presentations/dcql/rules";
import { type CredentialQuery, dcqlQuery } from "../../../../api/presentations/dcql/query";
import { type JsonObject, parseJson } from "../../../../core/json";
import type { ProvenCredential } from "../../../../api/presentations/formats/rules";
import { plain, VCT } from "../../../support/presentations/sdJwtWallet";

/** The example credential of OpenID4VP 1.0 §7.3. */
const EXAMPLE = {
  name: "Arthur Dent",
  address: { street_address: "42 Market Street", locality: "Milliways", postal_code: "12345" },
  degrees: [
    { type: "Bachelor of Science", university: "University of Betelgeuse" },
    { type: "Master of Science", university: "University of Betelgeuse" },
  ],
  nationalities: ["British", "Betelgeusian"],
};

describe("a claims path", () => {
  const root = json(EXAMPLE);
  const examples: [(string | number | null)[], unknown[]][] = [
    [["name"], ["Arthur Dent"]],
    [["address"], [EXAMPLE.address]],
    [["address", "street_address"], ["42 Market Street"]],
    [
      ["degrees", null, "type"],
      ["Bachelor of Science", "Master of Science"],
    ],
    [["nationalities", null], EXAMPLE.nationalities],
    [["nationalities", 1], ["Betelgeusian"]],
    [["nationalities", 2], []],
    [["nationalities", "0"], []],
    [["address", 0], []],
    [["address", null], []],
    [["name", "length"], []],
    [["toString"], []],
  ];
  for (const [path, selected] of examples) {
    it(`${JSON.stringify(path)} selects ${selected.length} values of the specification's example`, () => {
      expect(JSON.parse(JSON.stringify(selectClaims(path, root)))).to.deep.equal(selected);
    });
  }
});

describe("a credential that answers a DCQL query", () => {
  it("is of a type that was asked for", () => {
    expect(mismatchOf(queryOf({}), credentialOf({}))).to.equal(null);
    expect(mismatchOf(queryOf({ meta: { vct_values: ["other"] } }), credentialOf({}))).to.contain("type");
  });

  it("has every claim asked for, with the value and its JSON type", () => {
    const claims = (values: unknown[]) => queryOf({ claims: [{ path: ["age"], values }] });
    expect(mismatchOf(claims([18, 36]), credentialOf({ age: 36 }))).to.equal(null);
    expect(mismatchOf(claims(["36"]), credentialOf({ age: 36 }))).to.contain("claims");
    expect(mismatchOf(claims([true]), credentialOf({ age: 1 }))).to.contain("claims");
    expect(mismatchOf(claims([36]), credentialOf({}))).to.contain("claims");
  });

  it("satisfies one of the claim sets", () => {
    const query = queryOf({
      claims: [
        { id: "a", path: ["a"] },
        { id: "b", path: ["b"] },
        { id: "c", path: ["c"] },
      ],
      claim_sets: [["a", "b"], ["c"]],
    });
    expect(mismatchOf(query, credentialOf({ c: 1 }))).to.equal(null);
    expect(mismatchOf(query, credentialOf({ a: 1, b: 1 }))).to.equal(null);
    expect(mismatchOf(query, credentialOf({ a: 1 }))).to.contain("claims");
  });

  it("comes from an issuer under a trusted authority, where one is asked for", () => {
    const query = queryOf({ trusted_authorities: [{ type: "aki", values: ["one", "two"] }] });
    expect(mismatchOf(query, credentialOf({}, ["two"]))).to.equal(null);
    expect(mismatchOf(query, credentialOf({}, ["three"]))).to.contain("authority");
    expect(mismatchOf(query, credentialOf({}))).to.contain("authority");
  });

  it("gives the verifier the claims asked for in their own structure, and drops others", () => {
    const query = queryOf({
      claims: [
        { path: ["name"] },
        { path: ["address", "locality"] },
        { path: ["degrees", null, "type"] },
        { path: ["degrees", 1, "university"] },
      ],
    });
    expect(plain(requestedClaims(query, json(EXAMPLE)))).to.deep.equal({
      name: "Arthur Dent",
      address: { locality: "Milliways" },
      degrees: [{ type: "Bachelor of Science" }, { type: "Master of Science", university: "University of Betelgeuse" }],
    });
    expect(plain(requestedClaims(queryOf({}), json(EXAMPLE)))).to.deep.equal({});
  });
});

describe("a DCQL query over several credentials", () => {
  const credentials = ["a", "b", "c"].map((id) => ({ id, format: "dc+sd-jwt", meta: { vct_values: [VCT] } }));
  const answered = (...ids: string[]) => new Map(ids.map((id) => [id, [credentialOf({})]]));

  it("without sets is satisfied by all of them and by nothing less", () => {
    const query = dcqlQuery.parse({ credentials });
    expect(unsatisfiedBy(query, answered("a", "b", "c"))).to.equal(null);
    expect(unsatisfiedBy(query, answered("a", "c"))).to.contain("b");
  });

  it("is satisfied by one option of each required set", () => {
    const sets = [{ options: [["a", "b"], ["c"]] }, { options: [["b"]], required: false }];
    const query = dcqlQuery.parse({ credentials, credential_sets: sets });
    expect(unsatisfiedBy(query, answered("c"))).to.equal(null);
    expect(unsatisfiedBy(query, answered("a", "b"))).to.equal(null);
    expect(unsatisfiedBy(query, answered("a"))).to.contain("credential set 0");
  });

  it("is not satisfied by a credential that does not answer its query, though another option is met", () => {
    const sets = [{ options: [["a"], ["c"]] }];
    const query = dcqlQuery.parse({ credentials, credential_sets: sets });
    const presented = new Map([
      ["c", [credentialOf({})]],
      ["a", [{ ...credentialOf({}), types: ["other"] }]],
    ]);
    expect(unsatisfiedBy(query, presented)).to.contain("Credential query a");
  });
});

describe("our evaluation of claims beside the package dcql", () => {
  it("agrees on random credentials and queries", () => {
    const name = fc.constantFrom("a", "b", "c");
    const scalar = fc.oneof(fc.constantFrom("x", "y"), fc.integer({ min: 0, max: 2 }), fc.boolean());
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        scalar,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(name, tie("value"), { maxKeys: 3, noNullPrototype: true }),
      ),
    }));
    const path = fc
      .tuple(name, fc.array(fc.oneof(name, fc.constant(null), fc.integer({ min: 0, max: 2 })), { maxLength: 3 }))
      .map(([first, rest]) => [first, ...rest]);
    const claim = fc.record(
      { path, values: fc.array(scalar, { minLength: 1, maxLength: 3 }) },
      { requiredKeys: ["path"] },
    );
    const claimsArb = fc.uniqueArray(claim, {
      minLength: 1,
      maxLength: 3,
      selector: (one) => JSON.stringify(one.path),
    });
    const root = fc.dictionary(name, value, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
    fc.assert(
      fc.property(root, claimsArb, (credential, claims) => {
        const query = queryOf({ claims });
        const ours = mismatchOf(query, credentialOf(credential)) === null;
        const foreign = foreignAccepts(query, credential);
        // Where a step goes to all elements, the package passes over those of the wrong kind and takes an empty array
        // for a selection; §7.1 ends with an error in both cases. So it may accept what we do not, never less.
        const isExact = claims.every(({ path }) => !path.includes(null));
        if (isExact || ours) expect(ours).to.equal(foreign);
      }),
      { numRuns: 500 },
    );
  });
});

function foreignAccepts(query: CredentialQuery, claims: object): boolean {
  const parsed = ForeignQuery.parse({ credentials: [{ ...query, trusted_authorities: undefined }] });
  const result = ForeignQuery.query(parsed, [
    { credential_format: "dc+sd-jwt", vct: VCT, claims, cryptographic_holder_binding: true } as never,
  ]);
  return result.can_be_satisfied;
}

function queryOf(members: object): CredentialQuery {
  const credential = { id: "q", format: "dc+sd-jwt", meta: { vct_values: [VCT] }, ...members };
  const [query] = dcqlQuery.parse({ credentials: [credential] }).credentials;
  if (query === undefined) throw new RangeError("a query has a credential");
  return query;
}

function credentialOf(claims: object, authorityKeyIds: string[] = []): ProvenCredential {
  return {
    format: "dc+sd-jwt",
    credential: "",
    claims: json(claims),
    issuer: "",
    trust: { distrust: null, authorityKeyIds },
    types: [VCT],
    validFrom: null,
    validUntil: null,
    statuses: [],
  };
}

function json(value: object): JsonObject {
  return parseJson(JSON.stringify(value)) as JsonObject;
}

import { expect } from "chai";
import { dcqlQuery } from "../../../../api/presentations/dcql/query";

const identity = {
  id: "identity",
  format: "dc+sd-jwt",
  meta: { vct_values: ["https://credentials.example/identity"] },
};
const degree = { id: "degree", format: "jwt_vc_json", meta: { type_values: [["UniversityDegree"]] } };
const name = { id: "name", path: ["family_name"] };

/** The fields that a query is refused for. */
function faultsOf(query: unknown): string[] {
  const result = dcqlQuery.safeParse(query);
  return result.success ? [] : result.error.issues.map(({ path }) => path.join("."));
}

describe("a DCQL query", () => {
  it("is taken with everything that is supported", () => {
    const query = {
      credentials: [
        {
          ...identity,
          multiple: true,
          require_cryptographic_holder_binding: true,
          claims: [name, { id: "nation", path: ["nationalities", null], values: ["DE", 1, true] }],
          claim_sets: [["name"], ["name", "nation"]],
          trusted_authorities: [{ type: "aki", values: ["s9tIpPmhxdiuNkHMEWNpYim8S8Y"] }],
        },
        degree,
      ],
      credential_sets: [{ options: [["identity"], ["degree"]] }, { options: [["degree"]], required: false }],
    };
    expect(faultsOf(query)).to.deep.equal([]);
    const { credentials, credential_sets: sets } = dcqlQuery.parse({ ...query });
    expect(credentials[1]).to.include({ multiple: false, require_cryptographic_holder_binding: true });
    expect(sets?.[0]).to.include({ required: true });
  });

  const refused: [string, unknown, string][] = [
    ["no credentials", { credentials: [] }, "credentials"],
    ["an id twice", { credentials: [identity, { ...degree, id: "identity" }] }, "credentials.1.id"],
    ["an id of other characters", { credentials: [{ ...identity, id: "a b" }] }, "credentials.0.id"],
    ["no meta", { credentials: [{ ...identity, meta: undefined }] }, "credentials.0.meta"],
    [
      "the meta of another format",
      { credentials: [{ ...identity, meta: degree.meta }] },
      "credentials.0.meta.vct_values",
    ],
    ["a format that is not supported", { credentials: [{ ...identity, format: "mso_mdoc" }] }, "credentials.0.format"],
    [
      "no holder binding",
      withFirst({ require_cryptographic_holder_binding: false }),
      "credentials.0.require_cryptographic_holder_binding",
    ],
    ["claims that are empty", withFirst({ claims: [] }), "credentials.0.claims"],
    ["a path that is empty", withFirst({ claims: [{ path: [] }] }), "credentials.0.claims.0.path"],
    ["a negative index", withFirst({ claims: [{ path: ["a", -1] }] }), "credentials.0.claims.0.path.1"],
    ["a path twice", withFirst({ claims: [name, { ...name, id: "again" }] }), "credentials.0.claims.1.path"],
    ["a claim's id twice", withFirst({ claims: [name, { id: "name", path: ["b"] }] }), "credentials.0.claims.1.id"],
    ["claim sets without claims", withFirst({ claim_sets: [["name"]] }), "credentials.0.claim_sets"],
    [
      "claim sets, and a claim without id",
      withFirst({ claims: [name, { path: ["b"] }], claim_sets: [["name"]] }),
      "credentials.0.claims.1.id",
    ],
    [
      "a claim in no set",
      withFirst({ claims: [name, { id: "b", path: ["b"] }], claim_sets: [["name"]] }),
      "credentials.0.claims.1.id",
    ],
    [
      "a claim set of unknown claims",
      withFirst({ claims: [name], claim_sets: [["name"], ["x"]] }),
      "credentials.0.claim_sets.1",
    ],
    [
      "an unknown authority type",
      withFirst({ trusted_authorities: [{ type: "etsi_tl", values: ["x"] }] }),
      "credentials.0.trusted_authorities.0.type",
    ],
    [
      "a credential set of unknown ids",
      { credentials: [identity], credential_sets: [{ options: [["x"]] }] },
      "credential_sets.0.options.0",
    ],
    ["a field it does not know", { credentials: [identity], scope: "x" }, ""],
  ];
  for (const [what, query, field] of refused) {
    it(`is refused with ${what}, by the field's name`, () => {
      expect(faultsOf(query)).to.include(field);
    });
  }
});

function withFirst(members: object): unknown {
  return { credentials: [{ ...identity, ...members }] };
}

import { expect } from "chai";
import { dcqlQuery } from "../../../../api/presentations/dcql/query";
import { describeAsked } from "../../../../api/presentations/flow/describeAsked";

const asQuery = (...credentials: object[]) => ({
  query: dcqlQuery.parse({ credentials }),
  presentationDefinition: null,
});
const sdJwt = { id: "id", format: "dc+sd-jwt", meta: { vct_values: ["https://credentials.example/identity-card"] } };
const w3c = {
  id: "degree",
  format: "jwt_vc_json",
  meta: { type_values: [["VerifiableCredential", "EducationCredential"]] },
  claims: [{ path: ["credentialSubject", "degreeName"] }, { path: ["credentialSubject", "grades", 0] }],
};

describe("what a flow asks for, as its pages name it", () => {
  it("is as the relying party calls it, and by the query's types otherwise", () => {
    expect(describeAsked(asQuery(sdJwt), "Personalausweis").credentialType).to.equal("Personalausweis");
    expect(describeAsked(asQuery(sdJwt), undefined).credentialType).to.equal("identity card");
    expect(describeAsked(asQuery(sdJwt, w3c), undefined).credentialType).to.equal(
      "identity card, Education Credential",
    );
  });

  it("has each claim's own name once, in words", () => {
    const claims = [{ path: ["given_name"] }, { path: ["address", "given_name"] }, { path: ["nationalities", null] }];
    expect(describeAsked(asQuery({ ...sdJwt, claims }), undefined).claimNames).to.deep.equal([
      "given name",
      "nationalities",
    ]);
    expect(describeAsked(asQuery(w3c), undefined).claimNames).to.deep.equal(["degree name", "grades"]);
  });

  it("is read of a presentation definition by its descriptors and fields, whatever else it holds", () => {
    const fields = [{ path: ["$.credentialSubject.fullName"] }, { path: ["$['PAN']"] }, { path: 7 }, {}];
    const definition = {
      input_descriptors: [{ id: "tax", name: "Tax account", constraints: { fields } }, { id: "other-id" }, null],
    };
    expect(describeAsked({ query: null, presentationDefinition: definition }, undefined)).to.deep.equal({
      credentialType: "Tax account, other id",
      claimNames: ["full name", "PAN"],
    });
    for (const odd of [
      {},
      { input_descriptors: "none" },
      { input_descriptors: [{ constraints: { fields: "x" } }, 7] },
    ]) {
      expect(describeAsked({ query: null, presentationDefinition: odd }, undefined)).to.deep.equal({
        credentialType: "credential",
        claimNames: [],
      });
    }
  });
});

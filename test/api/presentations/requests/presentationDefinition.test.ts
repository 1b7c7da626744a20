import { expect } from "chai";
import { translateDefinition } from "../../../../api/presentations/requests/presentationDefinition";
import { DomainError } from "../../../../core/errors";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { VCT } from "../../../support/presentations/sdJwtWallet";
import { submit } from "../../../support/presentations/wallet";

const TYPE_FIELD = { path: ["$.vct"], filter: { type: "string", const: VCT } };

function descriptor(changes: object = {}): object {
  return {
    id: "identity",
    name: "Your identity",
    purpose: "to know you",
    format: { "dc+sd-jwt": { "sd-jwt_alg_values": ["ES256"] } },
    constraints: { limit_disclosure: "required", fields: [TYPE_FIELD, { path: ["$.given_name"] }] },
    ...changes,
  };
}

function withFields(...fields: unknown[]): object {
  return { id: "d", input_descriptors: [descriptor({ constraints: { fields: [TYPE_FIELD, ...fields] } })] };
}

describe("a presentation definition", () => {
  it("is translated: type, claims by their paths, constants as values", () => {
    const definition = withFields(
      { path: ["$.given_name"], filter: { type: "string", const: "Ada" } },
      { path: ["$['address'].country"], filter: { enum: ["GB", "CH"] }, intent_to_retain: false },
      { path: ["$.roles"], filter: { type: "array", contains: { const: "admin" } } },
    );
    const [credential] = translateDefinition(definition).credentials;
    expect(credential).to.deep.include({ id: "identity", format: "dc+sd-jwt", meta: { vct_values: [VCT] } });
    expect(credential?.claims?.map(({ path, values }) => ({ path, values }))).to.deep.equal([
      { path: ["given_name"], values: ["Ada"] },
      { path: ["address", "country"], values: ["GB", "CH"] },
      { path: ["roles"], values: ["admin"] },
    ]);
    expect(credential).not.to.have.property("claim_sets");
    expect(translateDefinition(withFields({ path: ["$.age"] })).credentials[0]?.claims?.[0]).to.have.all.keys(
      "id",
      "path",
    );
  });

  it("is translated for W3C credentials, whose claims are selected without their envelope, and by the format of all", () => {
    const fields = [
      { path: ["$.vc.type"], filter: { contains: { const: "EducationCredential" } } },
      { path: ["$.vc.credentialSubject.degree"] },
    ];
    const definition = { format: { jwt_vc: {} }, input_descriptors: [{ id: "degree", constraints: { fields } }] };
    const [credential] = translateDefinition(definition).credentials;
    expect(credential).to.deep.include({ format: "jwt_vc_json", meta: { type_values: [["EducationCredential"]] } });
    expect(credential?.claims?.[0]?.path).to.deep.equal(["credentialSubject", "degree"]);
  });

  it("has its optional fields asked for and not required", () => {
    const definition = withFields({ path: ["$.given_name"] }, { path: ["$.nickname"], optional: true });
    const [credential] = translateDefinition(definition).credentials;
    const [name, nickname] = credential?.claims ?? [];
    expect(credential?.claim_sets).to.deep.equal([[name?.id, nickname?.id], [name?.id]]);
  });

  const refused: [string, unknown, string][] = [
    ["nothing in it", {}, "input_descriptors"],
    ["no object", null, "definition"],
    ["no descriptors", { input_descriptors: [] }, "input_descriptors"],
    ["a descriptor that is none", { input_descriptors: [null] }, "input_descriptors.0"],
    [
      "submission requirements",
      { input_descriptors: [descriptor()], submission_requirements: [] },
      "submission_requirements",
    ],
    ["a frame", { input_descriptors: [descriptor()], frame: {} }, "frame"],
    ["a group", { input_descriptors: [descriptor({ group: ["A"] })] }, "input_descriptors.0.group"],
    ["an id that DCQL does not take", { input_descriptors: [descriptor({ id: "a b" })] }, "input_descriptors"],
    ["another format", { input_descriptors: [descriptor({ format: { ldp_vc: {} } })] }, "input_descriptors.0.format"],
    ["no format", { input_descriptors: [descriptor({ format: undefined })] }, "input_descriptors.0.format"],
    ["no type", { input_descriptors: [descriptor({ constraints: {} })] }, "input_descriptors.0"],
    [
      "a type by a pattern",
      { input_descriptors: [descriptor({ constraints: { fields: [{ path: ["$.vct"], filter: { pattern: "x" } }] } })] },
      "input_descriptors.0.constraints.fields.0.filter.pattern",
    ],
    [
      "a constraint on statuses",
      { input_descriptors: [descriptor({ constraints: { fields: [TYPE_FIELD], statuses: {} } })] },
      "input_descriptors.0.constraints.statuses",
    ],
    [
      "constraints that are none",
      { input_descriptors: [descriptor({ constraints: null })] },
      "input_descriptors.0.constraints",
    ],
    [
      "fields that are none",
      { input_descriptors: [descriptor({ constraints: { fields: {} } })] },
      "input_descriptors.0.constraints.fields",
    ],
    ["a field that is none", withFields(null), "input_descriptors.0.constraints.fields.1"],
    ["alternative paths", withFields({ path: ["$.a", "$.b"] }), "input_descriptors.0.constraints.fields.1.path"],
    ["a path with a wildcard", withFields({ path: ["$.a[*]"] }), "input_descriptors.0.constraints.fields.1.path"],
    ["a path that searches", withFields({ path: ["$..a"] }), "input_descriptors.0.constraints.fields.1.path"],
    [
      "a predicate",
      withFields({ path: ["$.age"], predicate: "required" }),
      "input_descriptors.0.constraints.fields.1.predicate",
    ],
    [
      "a bound",
      withFields({ path: ["$.age"], filter: { minimum: 18 } }),
      "input_descriptors.0.constraints.fields.1.filter.minimum",
    ],
    [
      "a filter that is none",
      withFields({ path: ["$.age"], filter: null }),
      "input_descriptors.0.constraints.fields.1.filter",
    ],
    [
      "a contained pattern",
      withFields({ path: ["$.a"], filter: { contains: { pattern: "x" } } }),
      "input_descriptors.0.constraints.fields.1.filter.contains.pattern",
    ],
    ["optional fields alone", withFields({ path: ["$.a"], optional: true }), "input_descriptors.0.constraints.fields"],
  ];
  for (const [what, definition, field] of refused) {
    it(`with ${what} is refused, and said where`, () => {
      let thrown: unknown;
      try {
        translateDefinition(definition);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).to.be.instanceOf(DomainError);
      const { code, fields } = thrown as DomainError;
      expect(code).to.equal("presentation.definition_not_supported");
      expect(fields[0]?.field).to.equal(`body.presentationDefinition.${field}`);
      expect(fields[0]?.message).to.match(/\w/);
    });
  }

  describe("at POST /vp-request", () => {
    let party: RelyingParty;
    before(async () => void (party = await relyingParty("definitions")));
    after(() => party.close());

    const create = (body: object) => party.on.ask("POST", "/vp-request", { token: party.verifier.apiKey, body });

    it("with the members that a client of Inji Verify sends is asked, answered and read", async () => {
      const definition = withFields({ path: ["$.given_name"] }, { path: ["$.age"] });
      const inji = {
        clientId: "agama-inji-client",
        transactionId: "txn_of_the_client",
        responseUri: "https://jans.example.com/callback",
        nonce: "N0nceOfTheClient_0123456789",
      };
      const asked = await party.ask({ dcqlQuery: undefined, presentationDefinition: definition, ...inji });
      expect(asked.transactionId).not.to.equal(inji.transactionId);
      expect(asked.request.claims).to.include({ nonce: inji.nonce });
      expect(asked.request.claims.response_uri).to.contain(party.on.url);
      const submitted = await submit(asked.request, party.token(asked.request));
      expect(submitted.status, submitted.text).to.equal(200);
      const { body } = await party.result(asked.transactionId);
      expect(body).to.include({ vpResultStatus: "SUCCESS", result: "valid" });
      expect(body["verificationDetails"].credentials[0].claims).to.deep.equal({ given_name: "Ada", age: 36 });
    });

    it("is refused with the reason where it has no counterpart, beside a query, and by a stored one's name", async () => {
      const bounded = await create({
        presentationDefinition: withFields({ path: ["$.age"], filter: { minimum: 18 } }),
      });
      expect(bounded.status).to.equal(400);
      expect(bounded.body).to.include({ code: "presentation.definition_not_supported" });
      expect(bounded.body.errors[0]?.field).to.match(/filter\.minimum$/);
      const both = await create({ presentationDefinition: withFields(), dcqlQuery: { credentials: [] } });
      expect(both.status).to.equal(400);
      const neither = await create({});
      expect(neither.body).to.include({
        code: "presentation.query_missing",
        errorCode: "BOTH_ID_AND_PD_CANNOT_BE_NULL",
      });
      const stored = await create({ presentationDefinitionId: "degree" });
      expect(stored.status).to.equal(400);
      expect(stored.body).to.include({ code: "presentation.definition_not_supported" });
    });
  });
});

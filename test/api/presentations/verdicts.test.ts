import { expect } from "chai";
import { encoded, type Party, party } from "../../support/presentations/certificates";
import { type Asked, type RelyingParty, relyingParty } from "../../support/presentations/relyingParty";
import { joseKeyOf } from "../../support/presentations/trustedIssuer";
import { type Issued, issue, joseKey, type PresentOptions, VCT } from "../../support/presentations/sdJwtWallet";
import { submit } from "../../support/presentations/wallet";

const identity = { id: "identity", format: "dc+sd-jwt", meta: { vct_values: [VCT] } };
const valuesQuery = {
  dcqlQuery: { credentials: [{ ...identity, claims: [{ path: ["given_name"], values: ["Grace"] }] }] },
};
const setsQuery = {
  dcqlQuery: {
    credentials: [
      {
        ...identity,
        claims: [
          { id: "name", path: ["given_name"] },
          { id: "country", path: ["address", "country"] },
        ],
        claim_sets: [["name"], ["country"]],
      },
    ],
  },
};
const authorityQuery = {
  dcqlQuery: { credentials: [{ ...identity, trusted_authorities: [{ type: "aki", values: ["AAAA"] }] }] },
};

describe("a presentation that its holder proved", () => {
  let relying: RelyingParty;
  let stranger: Party;
  before(async () => {
    relying = await relyingParty("verdicts");
    stranger = await party("Stranger", { authority: false, host: "issuer.example" });
  });
  after(() => relying.close());

  async function answer(credential: Issued, options: PresentOptions = {}, body: object = {}) {
    const asked = await relying.ask(body);
    return { asked, submitted: await submit(asked.request, relying.token(asked.request, options, credential)) };
  }

  async function expectInvalid(asked: Asked, reason: string): Promise<void> {
    const { body, text } = await relying.result(asked.transactionId);
    expect(body, text).to.include({ vpResultStatus: "FAILED", result: "invalid", reason });
    expect(body["vcResults"]).to.deep.equal([]);
    expect(body["verificationDetails"].credentials).to.deep.equal([]);
    expect(body["verificationDetails"].message).to.be.a("string");
    const late = await submit(asked.request, relying.token(asked.request));
    expect(late.status, "a second response to a closed request").to.equal(400);
  }

  const now = () => Math.floor(relying.on.context.clock.now().getTime() / 1000);
  const invalid: [string, string, () => Promise<Issued>, PresentOptions?, object?][] = [
    ["the credential expired", "credential_expired", () => issued({ exp: now() - 120 })],
    ["the credential is not valid yet", "credential_not_yet_valid", () => issued({ nbf: now() + 120 })],
    ["the credential is of another type", "query_not_satisfied", () => issued({ vct: "https://other.example" })],
    ["a claim was not disclosed", "query_not_satisfied", () => issued(), { disclose: ["age"] }],
    ["a claim has another value", "query_not_satisfied", () => issued(), {}, valuesQuery],
    ["no set of claims is met", "query_not_satisfied", () => issued(), { disclose: ["age"] }, setsQuery],
    ["no authority is the one asked for", "query_not_satisfied", () => issued(), {}, authorityQuery],
    [
      "the issuer's certificate leads to no anchor",
      "issuer_not_trusted",
      () => issue({ issuer: joseKeyOf(stranger), header: { x5c: [encoded(stranger)] } }),
    ],
    [
      "the issuer's certificate is another issuer's",
      "issuer_not_trusted",
      () => issued({ iss: "https://other.example" }),
    ],
  ];
  for (const [what, reason, make, options, body] of invalid) {
    it(`closes the request with the verdict ${reason} when ${what}`, async () => {
      const { asked, submitted } = await answer(await make(), options, body);
      expect(submitted.status, submitted.text).to.equal(200);
      expect(submitted.body).to.deep.equal({});
      await expectInvalid(asked, reason);
    });
  }

  it("closes the request when a required credential of a set is missing, and not when an optional one is", async () => {
    const [first] = setsQuery.dcqlQuery.credentials;
    const credentials = [first, { ...first, id: "other" }];
    const ask = (required: boolean) => ({
      dcqlQuery: {
        credentials,
        credential_sets: [{ options: [["identity"]] }, { options: [["other"]], required }],
      },
    });
    const missing = await answer(await issued(), {}, ask(true));
    expect(missing.submitted.status, missing.submitted.text).to.equal(200);
    await expectInvalid(missing.asked, "query_not_satisfied");
    const optional = await answer(await issued(), {}, ask(false));
    expect(optional.submitted.status).to.equal(200);
    expect((await relying.result(optional.asked.transactionId)).body).to.include({ result: "valid" });
  });

  it("is no answer when no issuer is known, or its signature is another's: the request stays open", async () => {
    const unknown = await issue({ claims: { iss: "https://issuer.example" } });
    const forged = await relying.issueAs(relying.issuer, { issuer: joseKey() });
    for (const credential of [unknown, forged]) {
      const { asked, submitted } = await answer(credential);
      expect(submitted.status, submitted.text).to.equal(400);
      expect((await relying.result(asked.transactionId)).body.code).to.equal("presentation.not_answered");
      expect((await submit(asked.request, relying.token(asked.request))).status).to.equal(200);
    }
  });

  it("shows the claims that were asked for and no others", async () => {
    const { asked } = await answer(await issued(), { disclose: ["given_name", "age", "family_name"] });
    const { body } = await relying.result(asked.transactionId);
    expect(body["verificationDetails"].credentials[0].claims).to.deep.equal({ given_name: "Ada", age: 36 });
  });

  it("has nothing of the person in the log, accepted or not", async () => {
    await answer(await issued());
    await answer(await issued({ exp: now() - 120 }));
    expect(relying.on.log()).to.contain("presentation decided");
    expect(relying.on.log()).not.to.contain("Lovelace");
    expect(relying.on.log()).not.to.match(/"(given_name|age)":/);
  });

  function issued(claims: Record<string, unknown> = {}): Promise<Issued> {
    return relying.issueAs(relying.issuer, { claims });
  }
});

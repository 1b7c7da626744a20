import { expect } from "chai";
import { newHolder, newIssuer, type TestHolder, type TestIssuer } from "../../../support/credentialActors";
import { type Fixture, fixture } from "../../../support/fixture";
import { fetchCredential, nonceOf, offer, proofOf, redeem, tokenOf } from "../../../support/issuance/wallet";
import { joseKey } from "../../../support/presentations/sdJwtWallet";

const RACERS = 64;

describe(`${RACERS} wallets at once`, () => {
  let on: Fixture;
  let issuer: TestIssuer;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("issuance-races", { modules: ["issuers", "credentials"], chain: true, workers: true });
    issuer = await newIssuer(on);
    alice = await newHolder(on);
  });
  after(() => on.close());

  const times = <Value>(make: () => Promise<Value>) => Promise.all(Array.from({ length: RACERS }, make));
  const countOf = (offerId: string) =>
    on.context.mongo.collection<{ _id: string }>("credentials").countDocuments({ _id: offerId });

  it("with one code: one has a token, the others invalid_grant", async () => {
    const made = await offer(on, issuer, alice);
    const answers = await times(() => redeem(made));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    expect(answers.filter(({ body }) => body["error"] === "invalid_grant")).to.have.length(RACERS - 1);
  });

  it("with wrong transaction codes: no more than five are compared", async () => {
    const made = await offer(on, issuer, alice, { txCode: true });
    const wrong = made.txCode === "000000" ? "000001" : "000000";
    await times(() => redeem(made, { tx_code: wrong }));
    const raw = on.context.mongo.collection<{ _id: string; txCodeAttempts: number }>("credential_offers");
    expect(await raw.findOne({ _id: made.offerId })).to.include({ txCodeAttempts: 5, status: "offered" });
    expect((await redeem(made)).body["error"]).to.equal("invalid_grant");
  });

  it("with one nonce: one has the credential, the others invalid_nonce", async () => {
    const made = await offer(on, issuer, alice);
    const token = await tokenOf(made);
    const proof = proofOf(joseKey(), made, { nonce: await nonceOf(made), now: on.context.clock.now() });
    const answers = await times(() => fetchCredential(made, token, proof));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    expect(answers.filter(({ body }) => body["error"] === "invalid_nonce")).to.have.length(RACERS - 1);
    expect(await countOf(made.offerId)).to.equal(1);
  });

  it("with one token and a nonce each: one credential is issued, and all have the same", async () => {
    const made = await offer(on, issuer, alice);
    const token = await tokenOf(made);
    const key = joseKey();
    const proofs = await times(async () =>
      proofOf(key, made, { nonce: await nonceOf(made), now: on.context.clock.now() }),
    );
    const answers = await Promise.all(proofs.map((proof) => fetchCredential(made, token, proof)));
    expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
    expect(answers[0]?.status, answers[0]?.text).to.equal(200);
    expect(await countOf(made.offerId)).to.equal(1);
  });

  it("with one token and a key each: one key has the credential, the others are denied", async () => {
    const made = await offer(on, issuer, alice);
    const token = await tokenOf(made);
    const proofs = await times(async () =>
      proofOf(joseKey(), made, { nonce: await nonceOf(made), now: on.context.clock.now() }),
    );
    const answers = await Promise.all(proofs.map((proof) => fetchCredential(made, token, proof)));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    const denied = answers.filter(({ body }) => body["error"] === "credential_request_denied");
    expect(denied).to.have.length(RACERS - 1);
  });
});

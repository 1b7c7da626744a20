import { expect } from "chai";
import { createCredentialStore } from "../../../../api/credentials/store";
import { createOfferStore } from "../../../../api/credentials/offers/store";
import { type Answer, ask } from "../../../support/ask";
import {
  accredit,
  discredit,
  newHolder,
  newIssuer,
  type TestHolder,
  type TestIssuer,
} from "../../../support/credentialActors";
import { type FakeClock, fakeClock } from "../../../support/fakeClock";
import { type Fixture, fixture } from "../../../support/fixture";
import {
  fetchCredential,
  nonceOf,
  offer,
  type Offered,
  type ProofChanges,
  proofOf,
  redeem,
  tokenOf,
} from "../../../support/issuance/wallet";
import { joseKey } from "../../../support/presentations/sdJwtWallet";

describe("issuing into a wallet", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let alice: TestHolder;
  const key = joseKey();

  before(async () => {
    clock = fakeClock();
    const modules = ["issuers", "credentials", "sessions", "verification"] as const;
    on = await fixture("issuance", { modules: [...modules], chain: true, workers: true, clock });
    issuer = await newIssuer(on);
    alice = await newHolder(on);
  });
  after(() => on.close());

  const offered = (over: object = {}) => offer(on, issuer, alice, over);
  const statusOf = async ({ offerId }: Offered) =>
    (await on.ask("GET", `/credential-offers/${offerId}`, { token: issuer.apiKey })).body["status"] as string;
  const prove = async (of: Offered, changes: ProofChanges = {}, signer = key) =>
    proofOf(signer, of, { nonce: await nonceOf(of), now: clock.now(), ...changes });

  describe("an offer", () => {
    it("is refused as issuing is, before any wallet sees it", async () => {
      const refused = async (over: object) => {
        const claims = { name: "Alice", degree: "BS" };
        const body = { subjectDid: alice.did, type: "EducationCredential", claims, ...over };
        const answer = await on.ask("POST", "/credential-offers", { token: issuer.apiKey, body });
        return answer.body.code;
      };
      expect(await refused({ claims: { name: 7 } })).to.equal("credential.claims_invalid");
      expect(await refused({ type: "NothingCredential" })).to.equal("credential_type.unknown");
      expect(await refused({ expiresAt: "2001-01-01T00:00:00Z" })).to.equal("credential.expiry_past");
      expect(await refused({ disclosable: ["grade"] })).to.equal("request.invalid");
      expect(await refused({ reference: "r" })).to.equal("request.invalid");
      await discredit(on, issuer.address);
      expect(await refused({})).to.equal("issuer.not_accredited");
      await accredit(on, issuer.address);
    });

    it("is read by its link while it is open, and shown to its issuer without the link", async () => {
      const made = await offered();
      const uri = new URL(made.link).searchParams.get("credential_offer_uri") ?? "";
      const read = await ask(uri, "GET");
      expect(read.headers.get("cache-control")).to.equal("no-store");
      expect(read.body["credential_configuration_ids"]).to.deep.equal(["EducationCredential"]);
      expect(read.text).to.include(made.code);
      expect(JSON.parse(decodeURIComponent(made.linkByValue.split("=")[1]!))).to.deep.equal(read.body);
      const shown = await on.ask("GET", `/credential-offers/${made.offerId}`, { token: issuer.apiKey });
      expect(shown.body).to.include({ status: "offered", subject: alice.did, redeemedAt: null });
      expect(shown.text).not.to.include(made.code);
      await tokenOf(made);
      expect((await ask(uri, "GET")).body.code).to.equal("credential_offer.closed");
      expect((await ask(`${uri.slice(0, -1)}_`, "GET")).body.code).to.equal("credential_offer.unknown_link");
      const other = await newIssuer(on);
      const asOther = await on.ask("GET", `/credential-offers/${made.offerId}`, { token: other.apiKey });
      expect(asOther.body.code).to.equal("credential_offer.unknown");
      const cancelled = await on.ask("DELETE", `/credential-offers/${made.offerId}`, { token: other.apiKey });
      expect(cancelled.body.code).to.equal("credential_offer.unknown");
    });

    it("is encrypted and hashed at rest: neither claims nor codes can be read from the database", async () => {
      const made = await offered({ txCode: true });
      const token = await tokenOf(made);
      const raw = on.context.mongo.collection<{ _id: string }>("credential_offers");
      const stored = JSON.stringify(await raw.findOne({ _id: made.offerId }));
      const handle = new URL(made.link).searchParams.get("credential_offer_uri")?.split("/").at(-1) ?? "none";
      for (const secret of ["Alice Smith", made.code, handle, token, `"${made.txCode}"`]) {
        expect(stored).not.to.include(secret);
      }
      expect(on.log()).not.to.include(made.code).and.not.to.include(token);
    });

    it("loses its claims as soon as the credential is stored", async () => {
      const made = await offered();
      expect((await fetchCredential(made, await tokenOf(made), await prove(made))).status).to.equal(200);
      const stored = await createOfferStore(on.context).find(made.offerId);
      expect(stored).to.include({ status: "issued", content: null });
      expect(await statusOf(made)).to.equal("issued");
    });

    it("can be cancelled until a wallet has proved its key", async () => {
      const made = await offered();
      const token = await tokenOf(made);
      const cancel = () => on.ask("DELETE", `/credential-offers/${made.offerId}`, { token: issuer.apiKey });
      expect((await cancel()).status).to.equal(204);
      expect((await cancel()).status).to.equal(204);
      expect(await statusOf(made)).to.equal("cancelled");
      await expectError(fetchCredential(made, token, await prove(made)), 401, "invalid_token");
      expect(await createCredentialStore(on.context).find(made.offerId)).to.equal(null);
      const fetched = await offered();
      expect((await fetchCredential(fetched, await tokenOf(fetched), await prove(fetched))).status).to.equal(200);
      const late = await on.ask("DELETE", `/credential-offers/${fetched.offerId}`, { token: issuer.apiKey });
      expect(late.body.code).to.equal("credential_offer.issued");
    });

    it("is exported to its holder, and erased with the account", async () => {
      const bob = await newHolder(on);
      const made = await offer(on, issuer, bob);
      const exported = await on.ask("GET", "/auth/account/export", { token: bob.token });
      expect(exported.text).to.include(made.offerId);
      const { personalData } = on.modules.credentials.ports;
      await personalData.erase({ userId: bob.userId, dids: [bob.did] });
      await expectError(redeem(made), 400, "invalid_grant");
      expect(await createOfferStore(on.context).find(made.offerId)).to.equal(null);
    });
  });

  describe("the token endpoint", () => {
    it("redeems a code once, and says how long the token is good", async () => {
      const made = await offered();
      const { status, body, headers } = await redeem(made);
      expect(status).to.equal(200);
      expect(body).to.include({ token_type: "Bearer", expires_in: 600 });
      expect(headers.get("cache-control")).to.equal("no-store");
      await expectError(redeem(made), 400, "invalid_grant");
      expect(await statusOf(made)).to.equal("redeemed");
    });

    it("names what is wrong as the standard does", async () => {
      const made = await offered();
      const withCode = await offered({ txCode: true });
      const wrong: [string, Promise<Answer>][] = [
        ["unsupported_grant_type", redeem(made, { grant_type: "authorization_code" })],
        ["invalid_request", redeem(made, { "pre-authorized_code": null })],
        ["invalid_request", redeem(made, { tx_code: "123456" })],
        ["invalid_request", redeem(withCode, { tx_code: null })],
        ["invalid_grant", redeem(made, { "pre-authorized_code": "nobody's" })],
        ["invalid_request", ask(`${made.issuerUrl}/token`, "POST", { body: { grant_type: "x" } })],
      ];
      for (const [error, answer] of wrong) await expectError(answer, 400, error);
      const other = await newIssuer(on);
      const issuerUrl = `${on.url}/issuance/${other.address}`;
      await expectError(redeem({ ...made, issuerUrl }), 400, "invalid_grant");
      expect((await redeem(made)).status).to.equal(200);
      expect((await redeem(withCode)).status).to.equal(200);
    });

    it("takes five wrong transaction codes and no more: then the right one is of no use either", async () => {
      const made = await offered({ txCode: true });
      for (let attempt = 0; attempt < 5; attempt += 1) {
        await expectError(redeem(made, { tx_code: wrongCode(made) }), 400, "invalid_grant");
      }
      await expectError(redeem(made), 400, "invalid_grant");
      expect(await statusOf(made)).to.equal("blocked");
    });

    it("does not redeem a code after the offer's time", async () => {
      const made = await offered();
      clock.advance(on.context.config.issuance.offerSeconds);
      await expectError(redeem(made), 400, "invalid_grant");
      expect(await statusOf(made)).to.equal("expired");
    });
  });

  describe("the credential endpoint", () => {
    it("refuses each proof that is not as the standard has it, and gives the credential to one that is", async () => {
      const made = await offered();
      const token = await tokenOf(made);
      const seconds = Math.floor(clock.now().getTime() / 1000);
      const { privateKey } = key;
      const bad: [what: string, ProofChanges][] = [
        ["typ", { header: { typ: "JWT" } }],
        ["alg none", { header: { alg: "none" } }],
        ["alg of another curve", { header: { alg: "ES256K" } }],
        ["a MAC", { header: { alg: "HS256" } }],
        ["no key", { header: { jwk: undefined } }],
        ["a private key", { header: { jwk: privateKey.export({ format: "jwk" }) } }],
        ["a key by kid as well", { header: { kid: `${alice.did}#controller` } }],
        ["another's key", { signer: joseKey() }],
        ["crit", { header: { crit: ["b64"], b64: false } }],
        ["aud of another issuer", { payload: { aud: "https://issuer.example" } }],
        ["several aud", { payload: { aud: [made.issuerUrl] } }],
        ["no aud", { payload: { aud: undefined } }],
        ["no iat", { payload: { iat: undefined } }],
        ["iat long ago", { payload: { iat: seconds - 3600 } }],
        ["iat in the future", { payload: { iat: seconds + 3600 } }],
        ["exp in the past", { payload: { exp: seconds - 1 } }],
        ["no nonce", { payload: { nonce: undefined } }],
      ];
      for (const [what, changes] of bad) {
        await expectError(fetchCredential(made, token, await prove(made, changes)), 400, "invalid_proof", what);
      }
      await expectError(fetchCredential(made, token, "a.b"), 400, "invalid_proof");
      expect((await fetchCredential(made, token, await prove(made))).status).to.equal(200);
    });

    it("takes a nonce that it made itself, once, in its time", async () => {
      const made = await offered();
      const token = await tokenOf(made);
      const other = await newIssuer(on);
      const foreign = await nonceOf({ issuerUrl: `${on.url}/issuance/${other.address}` });
      const own = await nonceOf(made);
      const [expiry = "", random = "", signature = ""] = own.split(".");
      const later = `${(parseInt(expiry, 36) + 60_000).toString(36)}.${random}.${signature}`;
      for (const nonce of ["invented", "", foreign, later, `${own}.x`, own.slice(0, -1)]) {
        const proof = proofOf(key, made, { nonce, now: clock.now() });
        await expectError(fetchCredential(made, token, proof), 400, "invalid_nonce", nonce);
      }
      const proof = proofOf(key, made, { nonce: own, now: clock.now() });
      expect((await fetchCredential(made, token, proof)).status).to.equal(200);
      await expectError(fetchCredential(made, token, proof), 400, "invalid_nonce");
      const aged = await nonceOf(made);
      clock.advance(on.context.config.issuance.nonceSeconds);
      const late = proofOf(key, made, { nonce: aged, now: clock.now() });
      await expectError(fetchCredential(made, token, late), 400, "invalid_nonce");
    });

    it("names what is wrong with a request as the standard does", async () => {
      const made = await offered();
      const token = await tokenOf(made);
      const proof = await prove(made);
      const wrong: [string, object][] = [
        ["invalid_credential_request", { credential_configuration_id: undefined }],
        ["unknown_credential_configuration", { credential_configuration_id: "OtherCredential" }],
        ["unknown_credential_identifier", { credential_identifier: "x" }],
        ["invalid_encryption_parameters", { credential_response_encryption: { enc: "A128GCM" } }],
        ["invalid_proof", { proofs: undefined }],
        ["invalid_proof", { proofs: { jwt: [] } }],
        ["invalid_proof", { proofs: { jwt: [proof, proof] } }],
        ["invalid_proof", { proofs: { jwt: [proof], attestation: ["x"] } }],
        ["invalid_proof", { proofs: { di_vp: [{}] } }],
      ];
      for (const [error, over] of wrong) await expectError(fetchCredential(made, token, proof, over), 400, error);
      const noJson = ask(`${made.issuerUrl}/credential`, "POST", {
        token,
        headers: { "content-type": "application/json" },
        body: "{",
      });
      await expectError(noJson, 400, "invalid_credential_request");
      expect((await fetchCredential(made, token, proof, { unknown_member: 1 })).status).to.equal(200);
    });

    it("asks for a token that is good, of this issuer", async () => {
      const made = await offered();
      const token = await tokenOf(made);
      const unknown = fetchCredential(made, "nobody's", await prove(made));
      expect((await expectError(unknown, 401, "invalid_token")).headers.get("www-authenticate")).to.include("Bearer");
      const none = ask(`${made.issuerUrl}/credential`, "POST", { body: {} });
      const challenge = (await expectError(none, 401, "invalid_token")).headers.get("www-authenticate");
      expect(challenge, "RFC 6750 §3.1").to.equal('Bearer realm="cairn"');
      const other = { issuerUrl: `${on.url}/issuance/${(await newIssuer(on)).address}` };
      const proof = proofOf(key, other, { nonce: await nonceOf(other), now: clock.now() });
      await expectError(fetchCredential(other, token, proof), 401, "invalid_token");
      clock.advance(600);
      await expectError(fetchCredential(made, token, await prove(made)), 401, "invalid_token");
      expect(await statusOf(made)).to.equal("expired");
    });

    it("gives the credential to the key that proved itself first, and to no other", async () => {
      const made = await offered();
      const token = await tokenOf(made);
      const first = await fetchCredential(made, token, await prove(made));
      const other = await prove(made, {}, joseKey());
      await expectError(fetchCredential(made, token, other), 400, "credential_request_denied");
      const again = await fetchCredential(made, token, await prove(made));
      expect(again.body).to.deep.equal(first.body);
    });

    it("denies a credential whose issuer lost its accreditation meanwhile, and gives it once that is back", async () => {
      const made = await offered();
      const token = await tokenOf(made);
      await discredit(on, issuer.address);
      await expectError(fetchCredential(made, token, await prove(made)), 400, "credential_request_denied");
      expect(await createCredentialStore(on.context).find(made.offerId)).to.equal(null);
      await accredit(on, issuer.address);
      expect((await fetchCredential(made, token, await prove(made))).status).to.equal(200);
    });
  });

  describe("the notification endpoint", () => {
    it("records what the wallet says of its own credential, and names what is wrong as the standard does", async () => {
      const made = await offered();
      const token = await tokenOf(made);
      const notify = (body: object, bearer = token) =>
        ask(`${made.issuerUrl}/notification`, "POST", { token: bearer, body });
      const deleted = { notification_id: made.offerId, event: "credential_deleted", event_description: "gone" };
      await expectError(notify(deleted), 400, "invalid_notification_id");
      expect((await fetchCredential(made, token, await prove(made))).status).to.equal(200);
      await expectError(notify({ ...deleted, notification_id: "other" }), 400, "invalid_notification_id");
      await expectError(notify({ ...deleted, event: "credential_lost" }), 400, "invalid_notification_request");
      await expectError(notify({ event: "credential_accepted" }), 400, "invalid_notification_request");
      await expectError(notify(deleted, "nobody's"), 401, "invalid_token");
      expect((await createOfferStore(on.context).find(made.offerId))?.walletEvent).to.equal(null);
      expect((await notify(deleted)).status).to.equal(204);
      expect((await createOfferStore(on.context).find(made.offerId))?.walletEvent).to.equal("credential_deleted");
    });
  });

  async function expectError(asked: Promise<Answer>, status: number, error: string, what = error): Promise<Answer> {
    const answer = await asked;
    expect([answer.status, answer.body["error"]], `${what}: ${answer.text}`).to.deep.equal([status, error]);
    expect(answer.body["error_description"]).to.be.a("string");
    return answer;
  }
});

function wrongCode({ txCode }: Offered): string {
  return txCode === "000000" ? "000001" : "000000";
}

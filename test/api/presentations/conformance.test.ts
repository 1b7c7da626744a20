import { expect } from "chai";
import { StatusList } from "@sd-jwt/jwt-status-list";
import { createPresentationStore } from "../../../api/presentations/store";
import { encoded } from "../../support/presentations/certificates";
import { acceptRequest } from "../../support/presentations/foreignWallet";
import { type ListServer, startListServer } from "../../support/presentations/listServer";
import { type Asked, type RelyingParty, relyingParty } from "../../support/presentations/relyingParty";
import { joseKey, type Issued, type PresentOptions, signJws } from "../../support/presentations/sdJwtWallet";
import { joseKeyOf } from "../../support/presentations/trustedIssuer";
import { readRequest, submit } from "../../support/presentations/wallet";

const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** The modules of the OpenID Foundation's conformance suite for verifiers (`oid4vp-1final-verifier-...`), by name. */
describe("the conformance suite's module", () => {
  let party: RelyingParty;
  let lists: ListServer;
  before(async () => {
    lists = await startListServer();
    party = await relyingParty("conformance", { config: { presentations: { clientIdPrefix: "x509_hash" } } });
  });
  after(async () => {
    await party.close();
    await lists.close();
  });

  const now = () => Math.floor(party.on.context.clock.now().getTime() / 1000);

  async function expectAccepted(asked: Asked, credential?: Issued): Promise<void> {
    const { status, text, body, headers } = await submit(asked.request, party.token(asked.request, {}, credential));
    expect(status, text).to.equal(200);
    expect(body).to.deep.equal({});
    expect(headers.get("content-type")).to.match(/^application\/json/);
    expect((await party.result(asked.transactionId)).body).to.include({ vpResultStatus: "SUCCESS", result: "valid" });
  }

  for (const [name, method] of [
    ["happy-flow", "GET"],
    ["request-uri-method-post", "POST"],
  ] as const) {
    it(`${name}: a foreign wallet that fetches the request by ${method} is accepted`, async () => {
      const { authorizationUrl, transactionId } = await party.ask();
      const { claims, respond } = await acceptRequest(authorizationUrl, method);
      const answered = await respond(party.token({ header: { alg: "", typ: "" }, claims }));
      expect(answered).to.deep.equal({ status: 200, body: {} });
      expect((await party.result(transactionId)).body).to.include({ result: "valid" });
    });
  }

  it("minimal-cnf-jwk: a holder's key of kty, crv, x and y alone is accepted", async () => {
    const holder = joseKey();
    expect(holder.jwk).to.have.all.keys("kty", "crv", "x", "y");
    await expectAccepted(await party.ask(), await party.issueAs(party.issuer, { holder }));
  });

  it("request-uri-fetched-twice: the second fetch has the same request, and its answer is accepted", async () => {
    const asked = await party.ask();
    const request = await readRequest(asked.authorizationUrl);
    expect(request.claims).to.deep.equal({ ...asked.request.claims, iat: request.claims["iat"] });
    await expectAccepted({ ...asked, request });
  });

  it("present-credential-without-status: a credential that names no status is accepted", async () => {
    const [jwt = ""] = party.issued.credential.split("~");
    const payload = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as object;
    expect(payload).not.to.have.any.keys("status", "credentialStatus");
    await expectAccepted(await party.ask());
  });

  const refused: [string, () => Promise<Issued>, () => PresentOptions, RegExp][] = [
    [
      "invalid-credential-signature",
      () => party.issueAs(party.issuer, { issuer: joseKey() }),
      () => ({}),
      /not signed by its issuer/,
    ],
    ["invalid-kb-jwt-signature", own, () => ({ signer: joseKey() }), /not signed by the holder's key/],
    ["invalid-kb-jwt-nonce", own, () => ({ kb: { nonce: "another-nonce-of-22-chars" } }), /answers another request/],
    ["invalid-kb-jwt-aud", own, () => ({ kb: { aud: "x509_hash:another" } }), /made for another verifier/],
    ["invalid-sd-hash", own, () => ({ kb: { sd_hash: "A".repeat(43) } }), /sd_hash/],
    ["kb-jwt-iat-in-past", own, () => ({ kb: { iat: now() - YEAR_SECONDS } }), /too old/],
    ["kb-jwt-iat-in-future", own, () => ({ kb: { iat: now() + YEAR_SECONDS } }), /from the future/],
  ];
  for (const [name, credential, options, description] of refused) {
    it(`${name}: refused with 400 and why, and the request stays open for its holder`, async () => {
      const asked = await party.ask();
      const answer = await submit(asked.request, party.token(asked.request, options(), await credential()));
      expect(answer.status, answer.text).to.equal(400);
      expect(answer.body["error"]).to.equal("invalid_request");
      expect(answer.body["error_description"]).to.match(description);
      const stored = await createPresentationStore(party.on.context).find(asked.requestId);
      expect(stored).to.include({ status: "ACTIVE", attempts: 1, verdict: null, credentials: null });
      await expectAccepted(asked);
    });
  }

  it("present-revoked-credential: its list is fetched, and the verdict says revoked", async () => {
    const uri = lists.serve((url) => {
      const list = { bits: 1, lst: new StatusList([0, 1, 0, 0, 0, 0, 0, 0], 1).compressStatusList() };
      const header = { alg: "ES256", typ: "statuslist+jwt", x5c: [encoded(party.issuer)] };
      const payload = { sub: url, iat: now(), exp: now() + 600, status_list: list };
      return { body: signJws(joseKeyOf(party.issuer), header, payload) };
    });
    const revoked = await party.issueAs(party.issuer, { claims: { status: { status_list: { idx: 1, uri } } } });
    const asked = await party.ask();
    const answer = await submit(asked.request, party.token(asked.request, {}, revoked));
    expect(answer.status, answer.text).to.equal(200);
    expect(lists.fetches(uri)).to.equal(1);
    const { body } = await party.result(asked.transactionId);
    expect(body).to.include({ vpResultStatus: "FAILED", result: "invalid", reason: "credential_revoked" });
    expect(body["verificationDetails"].credentials).to.deep.equal([]);
  });

  function own(): Promise<Issued> {
    return Promise.resolve(party.issued);
  }
});

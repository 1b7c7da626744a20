import { expect } from "chai";
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK } from "jose";
import { createPresentationStore } from "../../../../api/presentations/store";
import type { Answer } from "../../../support/ask";
import { newVerifier } from "../../../support/credentialActors";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import { type Asked, type RelyingParty, relyingParty, RETURN_URL } from "../../../support/presentations/relyingParty";
import { IDENTITY_QUERY } from "../../../support/presentations/trustedIssuer";
import { encrypt, post, submit } from "../../../support/presentations/wallet";

describe("a wallet's response", () => {
  let clock: MovableClock;
  let party: RelyingParty;
  before(async () => {
    clock = movableClock();
    party = await relyingParty("submissions", { clock });
  });
  after(() => party.close());

  const stored = ({ requestId }: Asked) => createPresentationStore(party.on.context).find(requestId);

  function expectRejected(answer: Answer, description: RegExp): void {
    expect(answer.status, answer.text).to.equal(400);
    expect(answer.body).to.have.all.keys("error", "error_description");
    expect(answer.body["error"]).to.equal("invalid_request");
    expect(answer.body["error_description"]).to.match(description);
    expect(answer.headers.get("cache-control")).to.equal("no-store");
  }

  async function expectOpen(asked: Asked, attempts: number): Promise<void> {
    expect(await stored(asked)).to.include({ status: "ACTIVE", attempts, verdict: null, credentials: null });
    expect((await party.result(asked.transactionId)).body).to.include({
      code: "presentation.not_answered",
      errorCode: "NO_VP_SUBMISSION",
    });
  }

  it("that comes again byte for byte has the same answer, and another one none", async () => {
    const asked = await party.ask({ responseMode: "direct_post" });
    const form = plainForm(asked, party.token(asked.request));
    const first = await post(asked.request.claims.response_uri, form);
    const again = await post(asked.request.claims.response_uri, form);
    expect([first.status, again.status]).to.deep.equal([200, 200]);
    expect(again.text).to.equal(first.text);
    const second = await submit(asked.request, party.token(asked.request));
    expectRejected(second, /answered before/);
    expect((await stored(asked))?.verdict).to.include({ result: "valid" });
  });

  it("that comes late is rejected, and the request expired", async () => {
    const asked = await party.ask();
    clock.moveSeconds(301);
    expectRejected(await submit(asked.request, party.token(asked.request)), /its time passed/);
    const { body } = await party.on.ask("GET", `/vp-request/${asked.requestId}/status`);
    expect(body).to.include({ status: "EXPIRED" });
    expect((await party.on.ask("GET", `/vp-request/${asked.requestId}`)).status).to.equal(410);
    const result = await party.result(asked.transactionId);
    expect(result.status).to.equal(404);
    expect(result.body).to.include({ code: "presentation.not_answered", requestStatus: "EXPIRED" });
  });

  it("is read by the verifier that asked alone", async () => {
    const asked = await party.ask();
    await submit(asked.request, party.token(asked.request));
    const other = await newVerifier(party.on, "Other");
    const foreign = await party.result(asked.transactionId, { apiKey: other.apiKey });
    expect(foreign.status).to.equal(404);
    expect(foreign.body).to.include({
      code: "presentation.unknown_transaction",
      errorCode: "INVALID_TRANSACTION_ID",
    });
    expect((await party.on.ask("GET", `/vp-result/${asked.transactionId}`)).status).to.equal(401);
    expect((await stored(asked))?.takenAt).to.equal(null);
    expect((await party.result(asked.transactionId)).status).to.equal(200);
  });

  it("to a request for encryption is not accepted in plain, nor with a plain vp_token beside it", async () => {
    const asked = await party.ask();
    const vpToken = party.token(asked.request);
    expectRejected(await post(asked.request.claims.response_uri, plainForm(asked, vpToken)), /must be encrypted/);
    await expectOpen(asked, 1);
  });

  it("to a request in plain is not accepted encrypted", async () => {
    const plain = await party.ask({ responseMode: "direct_post" });
    const other = await party.ask();
    const response = await encrypt(other.request.claims, { vp_token: {}, state: plain.requestId });
    expectRejected(await post(plain.request.claims.response_uri, { response }), /state is another/);
    await expectOpen(plain, 0);
  });

  it("is rejected when it is encrypted to another key, of no request or of another one", async () => {
    const asked = await party.ask();
    const other = await party.ask();
    const { publicKey } = await generateKeyPair("ECDH-ES", { crv: "P-256", extractable: true });
    const vpToken = party.token(asked.request);
    const ownKey = { key: await exportJWK(publicKey) };
    expectRejected(await submit(asked.request, vpToken, ownKey), /cannot be decrypted/);
    const unknown = { ...ownKey, header: { kid: "unknown" } };
    expectRejected(await submit(asked.request, vpToken, unknown), /key of no request/);
    const [key] = other.request.claims.client_metadata.jwks?.keys ?? [];
    expectRejected(await submit(asked.request, vpToken, { key: key! }), /cannot be decrypted/);
    await expectOpen(asked, 2);
    await expectOpen(other, 0);
  });

  it("is rejected when any part of its encryption was tampered with", async () => {
    const asked = await party.ask();
    const { claims } = asked.request;
    const jwe = await encrypt(claims, { vp_token: party.token(asked.request), state: claims.state });
    for (const place of [2, 3, 4]) {
      const parts = jwe.split(".");
      const part = parts[place] ?? "";
      parts[place] = (part.startsWith("A") ? "B" : "A") + part.slice(1);
      expectRejected(await post(claims.response_uri, { response: parts.join(".") }), /cannot be decrypted/);
    }
    expectRejected(
      await post(claims.response_uri, { response: jwe.split(".").slice(0, 4).join(".") }),
      /cannot be decrypted|no compact JWE/,
    );
    await expectOpen(asked, 3);
  });

  it("is rejected when its encryption is spelt another way, though the bytes are the same", async () => {
    const asked = await party.ask();
    const { claims } = asked.request;
    const jwe = await encrypt(claims, { vp_token: party.token(asked.request), state: claims.state });
    // The tag's last character has four bits that no byte needs.
    const last = jwe.charCodeAt(jwe.length - 1);
    const respelt = jwe.slice(0, -1) + String.fromCharCode(last + 1);
    const bytes = (text: string) => Buffer.from(text.split(".")[4] ?? "", "base64url").toString("hex");
    expect(bytes(respelt)).to.equal(bytes(jwe));
    for (const response of [respelt, `${jwe}=`]) {
      expectRejected(await post(claims.response_uri, { response }), /no compact JWE/);
    }
    await expectOpen(asked, 0);
  });

  it("is rejected when it is compressed, or encrypted by another algorithm", async () => {
    const asked = await party.ask();
    const { claims } = asked.request;
    const payload = { vp_token: party.token(asked.request), state: claims.state };
    const [jwk] = claims.client_metadata.jwks?.keys ?? [];
    const [head = "", ...rest] = (await encrypt(claims, payload)).split(".");
    const header = JSON.parse(Buffer.from(head, "base64url").toString()) as object;
    const zipped = Buffer.from(JSON.stringify({ ...header, zip: "DEF" })).toString("base64url");
    expectRejected(await post(claims.response_uri, { response: [zipped, ...rest].join(".") }), /compressed/);
    for (const other of [{ enc: "A128CBC-HS256" }, { alg: "ECDH-ES+A128KW" }]) {
      const response = await new CompactEncrypt(Buffer.from(JSON.stringify(payload)))
        .setProtectedHeader({ alg: "ECDH-ES", enc: "A128GCM", kid: jwk?.kid ?? "", ...other })
        .encrypt(await importJWK(jwk!, "ECDH-ES"));
      expectRejected(await post(claims.response_uri, { response }), /cannot be decrypted/);
    }
    await expectOpen(asked, 2);
  });

  it("is rejected when the state inside is another request's, or missing", async () => {
    const asked = await party.ask();
    const other = await party.ask();
    const vpToken = party.token(asked.request);
    for (const state of [other.requestId, undefined, [asked.requestId]]) {
      expectRejected(await submit(asked.request, vpToken, { payload: { state } }), /state is another/);
    }
    await expectOpen(asked, 3);
    await expectOpen(other, 0);
  });

  const tokens: [string, (one: string) => unknown, RegExp][] = [
    ["two presentations for one", (one) => ({ identity: [one, one] }), /more than one/],
    ["a query that was not asked", (one) => ({ identity: [one], other: [one] }), /not asked/],
    ["another query alone", (one) => ({ other: [one] }), /not asked/],
    ["a presentation without its array", (one) => ({ identity: one }), /no array/],
    ["an empty array", () => ({ identity: [] }), /no array/],
    ["an object for a presentation", () => ({ identity: [{}] }), /no strings/],
    ["no presentation at all", () => ({}), /empty/],
    ["a string", (one) => one, /no JSON object/],
    ["null", () => null, /no JSON object/],
  ];
  for (const [what, vpToken, description] of tokens) {
    it(`with ${what} as vp_token is rejected, and the request stays open`, async () => {
      const asked = await party.ask();
      const [one = ""] = party.token(asked.request).identity;
      expectRejected(await submit(asked.request, vpToken(one)), description);
      await expectOpen(asked, 1);
    });
  }

  it("of no known request, or with nothing in it, is rejected", async () => {
    const url = `${party.on.url}/vp-submission/direct-post`;
    expectRejected(await post(url, { vp_token: "{}", state: `req_${"0".repeat(36)}` }), /names no request/);
    expectRejected(await post(url, { vp_token: "{}" }), /neither response nor state/);
    expectRejected(await post(url, {}), /neither response nor state/);
    expectRejected(await post(url, { response: "a.b.c" }), /no compact JWE/);
    const json = await party.on.ask("POST", "/vp-submission/direct-post", { body: { state: "x" } });
    expect(json.status).to.be.oneOf([400, 415]);
  });

  it("to another request is rejected: the proof names the request's nonce", async () => {
    const asked = await party.ask();
    const other = await party.ask();
    expectRejected(await submit(asked.request, party.token(other.request)), /answers another request/);
    await expectOpen(asked, 1);
  });

  it("that proves nothing closes the request the tenth time, and is rejected when it comes again", async () => {
    const asked = await party.ask();
    const { claims } = asked.request;
    const wrong = party.token(asked.request, { kb: { nonce: "another" } });
    const response = await encrypt(claims, { vp_token: wrong, state: claims.state });
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      expectRejected(await post(claims.response_uri, { response }), /answers another request/);
    }
    expect(await stored(asked)).to.include({ status: "VP_SUBMITTED", attempts: 10, encryptionKey: null });
    expectRejected(await post(claims.response_uri, { response }), /answered before/);
    expectRejected(await submit(asked.request, party.token(asked.request)), /answered before/);
    const { status, body } = await party.result(asked.transactionId);
    expect(status).to.equal(200);
    expect(body).to.include({ vpResultStatus: "FAILED", result: "invalid", reason: "nonce_mismatch" });
  });

  for (const [what, encrypted] of [
    ["in plain", false],
    ["encrypted", true],
  ] as const) {
    it(`may be an error, ${what}, which closes the request`, async () => {
      const asked = await party.ask();
      const { claims } = asked.request;
      const error = { error: "access_denied", error_description: "no", state: claims.state };
      const answer = encrypted
        ? await post(claims.response_uri, { response: await encrypt(claims, error) })
        : await post(claims.response_uri, error);
      expect(answer.status, answer.text).to.equal(200);
      const { body } = await party.result(asked.transactionId);
      expect(body).to.include({ vpResultStatus: "FAILED", result: "invalid", reason: "wallet.access_denied" });
      expectRejected(await submit(asked.request, party.token(asked.request)), /answered before/);
    });
  }

  it("with an error that no standard has is stored as such, and never by its text", async () => {
    const asked = await party.ask({ responseMode: "direct_post" });
    const { response_uri: url, state } = asked.request.claims;
    expect((await post(url, { error: "<b>Ada</b>", state })).status).to.equal(200);
    const { body, text } = await party.result(asked.transactionId);
    expect(body["reason"]).to.equal("wallet.other");
    expect(text).not.to.contain("Ada");
  });

  describe("on the same device", () => {
    const same = { flow: "same_device", redirectUri: RETURN_URL };

    async function returned(): Promise<{ asked: Asked; code: string }> {
      const asked = await party.ask(same);
      const answer = await submit(asked.request, party.token(asked.request));
      expect(answer.status, answer.text).to.equal(200);
      expect(answer.body).to.have.all.keys("redirect_uri");
      const back = new URL(answer.body["redirect_uri"] as string);
      expect(back.origin + back.pathname).to.equal(RETURN_URL);
      return { asked, code: back.searchParams.get("response_code") ?? "" };
    }

    it("sends the browser back with a code that opens the result", async () => {
      const { asked, code } = await returned();
      expect(Buffer.from(code, "base64url").length).to.be.at.least(16);
      const result = await party.result(asked.transactionId, { code });
      expect(result.status, result.text).to.equal(200);
      expect(result.body).to.include({ result: "valid" });
    });

    it("has the same code when it comes again", async () => {
      const asked = await party.ask(same);
      const { claims } = asked.request;
      const response = await encrypt(claims, { vp_token: party.token(asked.request), state: claims.state });
      const [first, again] = [
        await post(claims.response_uri, { response }),
        await post(claims.response_uri, { response }),
      ];
      expect(again.body).to.deep.equal(first.body);
    });

    const refused: [string, (code: string, other: string) => string | undefined, string, string][] = [
      ["without its code", () => undefined, "missing", "NOT_FOUND"],
      ["with another transaction's code", (_code, other) => other, "mismatch", "NOT_MATCHING"],
      ["with a code of nobody", () => "guessed", "mismatch", "NOT_MATCHING"],
    ];
    for (const [what, choose, code, errorCode] of refused) {
      it(`is not read ${what}`, async () => {
        const mine = await returned();
        const other = await returned();
        const chosen = choose(mine.code, other.code);
        const result = await party.result(mine.asked.transactionId, chosen === undefined ? {} : { code: chosen });
        expect(result.status).to.equal(400);
        expect(result.body).to.include({
          code: `presentation.response_code_${code}`,
          errorCode: `RESPONSE_CODE_${errorCode}`,
        });
        expect(result.text).not.to.contain("Ada");
        expect(await stored(mine.asked)).to.include({ takenAt: null, responseCodeUsedAt: null });
      });
    }

    it("is not read with a code that was used, once its minute has passed", async () => {
      const { asked, code } = await returned();
      expect((await party.result(asked.transactionId, { code })).status).to.equal(200);
      clock.moveSeconds(61);
      const reused = await party.result(asked.transactionId, { code });
      expect(reused.status).to.equal(400);
      expect(reused.body).to.include({ code: "presentation.response_code_used", errorCode: "RESPONSE_CODE_USED" });
    });

    it("is not read with a code whose time passed before anybody used it", async () => {
      const { asked, code } = await returned();
      clock.moveSeconds(party.on.context.config.presentations.unreadSeconds);
      const late = await party.result(asked.transactionId, { code });
      expect(late.status).to.equal(410);
      expect(late.body).to.include({ code: "presentation.result_taken", errorCode: "RESPONSE_CODE_EXPIRED" });
      expect(late.text).not.to.contain("Ada");
    });

    it("is asked for with a registered return URL alone", async () => {
      for (const redirectUri of [`${RETURN_URL}/`, `${RETURN_URL}?a=b`, "https://evil.example/return"]) {
        const body = { dcqlQuery: IDENTITY_QUERY, ...same, redirectUri };
        const created = await party.on.ask("POST", "/vp-request", { token: party.verifier.apiKey, body });
        expect(created.status).to.equal(400);
        expect(created.body.code).to.equal("presentation.return_url_unknown");
      }
    });

    it("is asked for with a return URL, else its result could not be read", async () => {
      const body = { dcqlQuery: IDENTITY_QUERY, flow: "same_device" };
      const created = await party.on.ask("POST", "/vp-request", { token: party.verifier.apiKey, body });
      expect(created.status, created.text).to.equal(400);
      expect(created.body.errors).to.deep.include({
        field: "body.redirectUri",
        message: "is required with same_device: the response code returns by it",
      });
    });
  });

  for (const flow of [undefined, "cross_device"]) {
    it(`on another device brings nobody back: a redirectUri ${flow === undefined ? "alone" : `with ${flow}`} is refused`, async () => {
      const body = { dcqlQuery: IDENTITY_QUERY, redirectUri: RETURN_URL, ...(flow !== undefined && { flow }) };
      const created = await party.on.ask("POST", "/vp-request", { token: party.verifier.apiKey, body });
      expect(created.status, created.text).to.equal(400);
      expect(created.body.errors).to.deep.equal([
        {
          field: "body.redirectUri",
          message:
            "is not taken with cross_device, since nobody comes back from another device: leave it out, or ask with same_device",
        },
      ]);
    });
  }
});

function plainForm({ request }: Asked, vpToken: object): Record<string, string> {
  return { vp_token: JSON.stringify(vpToken), state: request.claims.state };
}

import { expect } from "chai";
import { createHash } from "node:crypto";
import {
  authorizeQuery,
  startVerification,
  finishUrl,
  information,
  obtainCode,
  createBrowser,
  postForm,
  redeem,
  readAnswer,
  setUpNonce,
  untilStatus,
} from "../../support/oauthBrowser";
import { fixture, type Fixture } from "../../support/fixture";
import { movableClock } from "../../support/fakeClock";
import { AGE_SCOPE, OAUTH_MODULES, REDIRECT_URI, type OAuthActors, startOAuthActors } from "../../support/oauthActors";

const VERIFIER = "a".repeat(43);
const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");
const PKCE = { code_challenge: CHALLENGE, code_challenge_method: "S256" };

describe("the OAuth gateway's protocol", () => {
  const clock = movableClock();
  let cairn: Fixture;
  let oauth: OAuthActors;

  before(async () => {
    cairn = await fixture("oauth_protocol", { modules: OAUTH_MODULES, workers: true, clock });
    oauth = await startOAuthActors(cairn);
  });
  after(async () => {
    await oauth.close();
    await cairn.close();
  });

  describe("set-up", () => {
    it("answers a client's secret alone with a nonce of 256 bits", async () => {
      expect(await setUpNonce(oauth)).to.match(/^[A-Za-z0-9_-]{43}$/);
      const post = (id: string, authorization: string) =>
        fetch(`${oauth.url}/setup/${id}`, { method: "POST", headers: { authorization } });
      expect((await post("nobody", `Bearer ${oauth.client.secret}`)).status).to.equal(404);
      const wrong = await readAnswer(await post(oauth.client.clientId, "Bearer OCS-wrong"));
      expect([wrong.status, wrong.json["error"]]).to.deep.equal([401, "invalid_client"]);
      expect(wrong.headers.get("cache-control")).to.equal("no-store");
      expect(wrong.headers.get("www-authenticate")).to.equal('Bearer realm="cairn"');
    });

    it("expires after 15 minutes, and may be opened again and again by the browser that claimed it", async () => {
      const [late, nonce] = [await setUpNonce(oauth), await setUpNonce(oauth)];
      const browser = createBrowser(oauth.url);
      const path = `/authorize/${nonce}?${authorizeQuery(oauth.client)}`;
      const before = oauth.verifier.verifications.all().length;
      expect((await browser.get(path)).status).to.equal(200);
      expect((await browser.get(path)).status).to.equal(200);
      expect(oauth.verifier.verifications.all().length - before).to.equal(1);
      expect((await createBrowser(oauth.url).get(path)).status).to.equal(409);
      clock.moveSeconds(15 * 60);
      expect(
        (await createBrowser(oauth.url).get(`/authorize/${late}?${authorizeQuery(oauth.client)}`)).status,
      ).to.equal(410);
      expect((await browser.get("/authorize/unknown?response_type=code")).status).to.equal(404);
    });
  });

  describe("authorization", () => {
    const begins = (more: Record<string, string>) =>
      createBrowser(oauth.url).get(`/authorize?${authorizeQuery(oauth.client, more)}`);

    for (const [name, redirectUri] of Object.entries({
      "a longer path": `${REDIRECT_URI}/more`,
      "a query added": `${REDIRECT_URI}?x=1`,
      "another scheme": REDIRECT_URI.replace("https", "http"),
      "another case": REDIRECT_URI.replace("shop", "Shop"),
      "a fragment": `${REDIRECT_URI}#x`,
      "a user in it": REDIRECT_URI.replace("//", "//shop.example@evil.example/"),
      "a trailing slash": `${REDIRECT_URI}/`,
    })) {
      it(`shows a page and sends nobody anywhere for a redirect URI with ${name}`, async () => {
        const { status, headers, text } = await begins({ redirect_uri: redirectUri });
        expect(status).to.equal(400);
        expect(headers.get("location")).to.equal(null);
        expect(headers.get("content-type")).to.match(/^text\/html/);
        expect(text).not.to.include("af0ifjsldkj").and.not.to.include("evil");
      });
    }

    for (const [error, more] of [
      ["unsupported_response_type", { response_type: "token" }],
      ["invalid_scope", { scope: "age everything" }],
      ["invalid_request", { code_challenge: VERIFIER, code_challenge_method: "plain" }],
      ["invalid_request", { code_challenge: CHALLENGE }],
      ["invalid_request", { response_mode: "fragment" }],
      ["request_not_supported", { request: "e30.e30." }],
    ] as const) {
      it(`sends the client ${error} with its state and our name for ${JSON.stringify(more)}`, async () => {
        const back = new URL((await begins(more)).headers.get("location") ?? "");
        expect(back.origin + back.pathname).to.equal(REDIRECT_URI);
        expect(Object.fromEntries(back.searchParams)).to.include({ error, state: "af0ifjsldkj", iss: oauth.url });
      });
    }

    it("refuses a parameter that comes twice, and a client it does not know, with a page", async () => {
      const twice = await createBrowser(oauth.url).get(`/authorize?${authorizeQuery(oauth.client)}&scope=age`);
      expect([twice.status, twice.headers.get("location")]).to.deep.equal([400, null]);
      expect(
        (await createBrowser(oauth.url).get(`/authorize?${authorizeQuery({ clientId: "nobody", secret: "" })}`)).status,
      ).to.equal(404);
    });

    it("asks the verifier for what the scope says, of the issuers the client accepts", async () => {
      const client = await oauth.addClient({ acceptedIssuers: ["did:tdw:issuer"] });
      const { verificationId } = await startVerification(oauth, {}, client);
      const { request } = oauth.verifier.verifications.find(verificationId)!;
      expect(request).to.deep.include({
        dcql_query: AGE_SCOPE.dcql,
        accepted_issuer_dids: ["did:tdw:issuer"],
        response_mode: "direct_post.jwt",
      });
    });

    it("authorizes a pushed request once, as it was pushed, whatever the browser adds", async () => {
      const form = { response_type: "code", redirect_uri: REDIRECT_URI, scope: "age", state: "pushed", ...PKCE };
      const { status, json } = await postForm(oauth, "/par", oauth.client, form);
      expect(status).to.equal(201);
      expect(json["expires_in"]).to.equal(300);
      const request = { client_id: oauth.client.clientId, request_uri: String(json["request_uri"]) };
      const browser = createBrowser(oauth.url);
      const query = new URLSearchParams({ ...request, redirect_uri: "https://evil.example", state: "other" });
      const started = await browser.get(`/authorize?${query.toString()}`, "application/json");
      const verificationId = String(started.json["verification_id"]);
      oauth.verifier.answerAsWallet(verificationId, "show");
      await untilStatus({ browser, verificationId, client: oauth.client }, "verified");
      const back = await finishUrl({ browser, verificationId, client: oauth.client });
      expect([back.origin + back.pathname, back.searchParams.get("state")]).to.deep.equal([REDIRECT_URI, "pushed"]);
      const again = await createBrowser(oauth.url).get(`/authorize?${new URLSearchParams(request).toString()}`);
      expect(again.status).to.equal(409);
      for (const wrong of [{ request_uri: "urn:x" }, { redirect_uri: `${REDIRECT_URI}x` }, { client_id: "other" }]) {
        expect((await postForm(oauth, "/par", oauth.client, { ...form, ...wrong })).status).to.be.oneOf([400, 401]);
      }
    });
  });

  describe("status and return", () => {
    it("are for the browser that claimed the session, or whoever knows the state", async () => {
      const started = await startVerification(oauth);
      const stranger = createBrowser(oauth.url);
      expect((await stranger.get(`/status/${started.verificationId}`)).status).to.equal(404);
      expect((await stranger.get(`/status/${started.verificationId}?state=guess`)).status).to.equal(404);
      expect((await stranger.get(`/status/${started.verificationId}?state=af0ifjsldkj`)).json).to.include({
        status: "authorized",
        next: null,
      });
      oauth.verifier.answerAsWallet(started.verificationId, "show");
      await untilStatus(started, "verified");
      for (const part of ["page", "finish"]) {
        expect((await stranger.get(`/authorize/${started.verificationId}/${part}`)).status).to.equal(404);
      }
    });

    it("say at once when something changes", async () => {
      const started = await startVerification(oauth);
      const waiting = started.browser.get(`/status/${started.verificationId}?known=authorized`);
      oauth.verifier.answerAsWallet(started.verificationId, "decline");
      expect((await waiting).json).to.include({
        status: "failed",
        next: `/authorize/${started.verificationId}/finish`,
      });
    });

    it("do not hand a redeemed code out again: the browser's back button costs no token", async () => {
      const { started, code } = await obtainCode(oauth);
      const { json } = await redeem(oauth, code);
      const again = await started.browser.get(`/authorize/${started.verificationId}/finish`);
      expect([again.status, again.headers.get("location")]).to.deep.equal([410, null]);
      expect((await information(oauth, String(json["access_token"]))).status).to.equal(200);
    });
  });

  describe("codes", () => {
    it("belong to one client, one redirect URI and one verifier, and a wrong try does not consume them", async () => {
      const other = await oauth.addClient();
      const { code } = await obtainCode(oauth, PKCE);
      const tries = [
        await redeem(oauth, code, { code_verifier: VERIFIER }, other),
        await redeem(oauth, code, { code_verifier: VERIFIER, redirect_uri: `${REDIRECT_URI}/other` }),
        await redeem(oauth, code, { code_verifier: "b".repeat(43) }),
        await redeem(oauth, code),
      ];
      for (const { status, json } of tries) expect([status, json["error"]]).to.deep.equal([400, "invalid_grant"]);
      const { status, json, headers } = await redeem(oauth, code, { code_verifier: VERIFIER });
      expect([status, json["token_type"], json["scope"]]).to.deep.equal([200, "Bearer", "age"]);
      expect(headers.get("cache-control")).to.equal("no-store");
      // Another client that brings it afterwards is no reuse by the one it belongs to.
      await redeem(oauth, code, { code_verifier: VERIFIER }, other);
      expect((await information(oauth, String(json["access_token"]))).status).to.equal(200);
      await redeem(oauth, code, { code_verifier: VERIFIER });
      expect((await information(oauth, String(json["access_token"]))).status).to.equal(401);
    });

    it("without a challenge refuse a verifier: PKCE cannot be made up afterwards", async () => {
      const { code } = await obtainCode(oauth);
      expect((await redeem(oauth, code, { code_verifier: VERIFIER })).json).to.include({ error: "invalid_grant" });
    });

    it("are valid for ten minutes", async () => {
      const { code } = await obtainCode(oauth);
      clock.moveSeconds(600);
      expect((await redeem(oauth, code)).json).to.include({ error: "invalid_grant" });
    });
  });

  describe("the back channel", () => {
    it("answers in the words of RFC 6749 §5.2, whatever is wrong", async () => {
      const form = { grant_type: "authorization_code", code: "x", redirect_uri: REDIRECT_URI };
      const send = async (init: RequestInit) =>
        readAnswer(await fetch(`${oauth.url}/token`, { method: "POST", ...init }));
      const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
      const { clientId, secret } = oauth.client;
      const said = async (init: RequestInit) => {
        const { status, json, headers } = await send(init);
        expect(headers.get("content-type")).to.match(/^application\/json/);
        return `${status} ${String(json["error"])}`;
      };
      const body = new URLSearchParams(form);
      expect(await said({ body })).to.equal("401 invalid_client");
      expect(await said({ body, headers: { authorization: basic(clientId, "OCS-wrong") } })).to.equal(
        "401 invalid_client",
      );
      expect(await said({ body, headers: { authorization: basic("nobody", secret) } })).to.equal("401 invalid_client");
      expect(await said({ body, headers: { authorization: "Basic %%%" } })).to.equal("401 invalid_client");
      expect(await said({ body, headers: { authorization: basic(clientId, secret) } })).to.equal("400 invalid_grant");
      const both = new URLSearchParams({ ...form, client_id: clientId, client_secret: secret });
      expect(await said({ body: both, headers: { authorization: basic(clientId, secret) } })).to.equal(
        "400 invalid_request",
      );
      expect(
        await said({ body: new URLSearchParams({ ...Object.fromEntries(both), grant_type: "password" }) }),
      ).to.equal("400 unsupported_grant_type");
      expect(
        await said({
          body: `${both.toString()}&code=y`,
          headers: { "content-type": "application/x-www-form-urlencoded" },
        }),
      ).to.equal("400 invalid_request");
      expect(await said({ body: JSON.stringify(form), headers: { "content-type": "application/json" } })).to.equal(
        "400 invalid_request",
      );
      expect(await said({ body: new URLSearchParams({ code: "x".repeat(20_000) }) })).to.equal("413 invalid_request");
    });

    it("tells a client nothing of another's token, and does not let it revoke that", async () => {
      const other = await oauth.addClient();
      const { code } = await obtainCode(oauth);
      const token = String((await redeem(oauth, code)).json["access_token"]);
      expect((await postForm(oauth, "/introspect", other, { token })).json).to.deep.equal({ active: false });
      expect((await postForm(oauth, "/revoke", other, { token })).status).to.equal(400);
      expect((await postForm(oauth, "/revoke", oauth.client, { token: "unknown" })).status).to.equal(200);
      expect((await postForm(oauth, "/introspect", oauth.client, { token })).json).to.include({ active: true });
      clock.moveSeconds(3_600);
      expect((await postForm(oauth, "/introspect", oauth.client, { token })).json).to.deep.equal({ active: false });
      const late = await information(oauth, token);
      expect([late.status, late.headers.get("www-authenticate")]).to.deep.equal([
        401,
        'Bearer realm="cairn", error="invalid_token"',
      ]);
    });

    it("describes itself (RFC 8414)", async () => {
      const { json } = await readAnswer(await fetch(`${oauth.url}/.well-known/oauth-authorization-server`));
      expect(json).to.deep.include({
        issuer: oauth.url,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
      });
    });
  });

  describe("the page", () => {
    it("says who asks for what, leads into the wallet, and runs nothing inline", async () => {
      const browser = createBrowser(oauth.url);
      const { text, headers } = await browser.get(
        `/authorize/${await setUpNonce(oauth)}?${authorizeQuery(oauth.client)}`,
      );
      expect(text)
        .to.include("Shop &amp; Sons")
        .and.include("that you are over 18")
        .and.include('href="swiyu-verify://?client_id=')
        .and.include("<svg ");
      expect(text)
        .not.to.match(/<script>|<style>|style=|onload=/)
        .and.not.to.include("af0ifjsldkj");
      expect(headers.get("content-security-policy"))
        .to.include("default-src 'none'")
        .and.not.to.match(/unsafe|\*/);
      expect(headers.get("referrer-policy")).to.equal("no-referrer");
      expect(headers.get("set-cookie")).to.match(/HttpOnly; Secure; SameSite=Lax/);
      for (const path of [...text.matchAll(/(?:src|href)="(\/oauth\/assets\/[^"]+)"/g)].map(([, found]) => found!)) {
        expect((await browser.get(path)).status, path).to.equal(200);
      }
    });
  });
});

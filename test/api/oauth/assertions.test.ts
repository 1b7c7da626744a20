import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { exportJWK, generateKeyPair, type GenerateKeyPairResult, type JWK, SignJWT } from "jose";
import * as oidc from "openid-client";
import { replaceKeys, replaceSecret } from "../../../api/oauth/clients/actions";
import { ASSERTION_TYPE } from "../../../api/oauth/assertions/rules";
import { createClientStore } from "../../../api/oauth/clients/store";
import { createBrowser } from "../../support/oauthBrowser";
import { eventually } from "../../support/eventually";
import { type Fixture, fixture } from "../../support/fixture";
import {
  AGE_SCOPE,
  OAUTH_MODULES,
  type OAuthActors,
  REDIRECT_URI,
  startOAuthActors,
  type TestClient,
} from "../../support/oauthActors";

describe("clients that authenticate by keys of their own", () => {
  let cairn: Fixture;
  let oauth: OAuthActors;
  let client: TestClient;
  let pair: GenerateKeyPairResult;
  let publicKey: JWK;

  before(async () => {
    cairn = await fixture("oauth_assertions", { modules: OAUTH_MODULES, workers: true });
    oauth = await startOAuthActors(cairn);
    pair = await generateKeyPair("ES256", { extractable: true });
    publicKey = { ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" };
    client = await oauth.addClient({ jwks: { keys: [publicKey] }, withoutPkce: false });
  });
  after(async () => {
    await oauth.close();
    await cairn.close();
  });

  /** An assertion; `over` replaces its claims. */
  function sign(over: Record<string, unknown> = {}, header: object = {}, key = pair.privateKey): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const { clientId } = client;
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: oauth.url,
      jti: randomUUID(),
      iat: now,
      exp: now + 60,
      ...over,
    };
    return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "one", ...header }).sign(key);
  }

  function introspect(assertion: string, more: Record<string, string> = {}) {
    const form = { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion, token: "unknown", ...more };
    return cairn.ask("POST", "/introspect", {
      body: new URLSearchParams(form).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
  }

  it("go the whole way with an off-the-shelf client, from the pushed request to the revoked token", async () => {
    const config = await oidc.discovery(
      new URL(oauth.url),
      client.clientId,
      undefined,
      oidc.PrivateKeyJwt({ key: pair.privateKey, kid: "one" }),
      {
        algorithm: "oauth2",
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out; our test server has no TLS
        execute: [oidc.allowInsecureRequests],
      },
    );
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const start = await oidc.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: REDIRECT_URI,
      scope: AGE_SCOPE.name,
      code_challenge_method: "S256",
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    });
    const browser = createBrowser(oauth.url);
    const id = String((await browser.get(start.pathname + start.search, "application/json")).json["verification_id"]);
    oauth.verifier.answerAsWallet(id, "show");
    await eventually("the end", async () => (await browser.get(`/status/${id}`)).json["status"] === "verified");
    const back = new URL((await browser.get(`/authorize/${id}/finish`)).headers.get("location") ?? "");
    const tokens = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier });
    expect((await oidc.tokenIntrospection(config, tokens.access_token)).active).to.equal(true);
    await oidc.tokenRevocation(config, tokens.access_token);
    expect((await oidc.tokenIntrospection(config, tokens.access_token)).active).to.equal(false);
  });

  it("are told by the metadata how", async () => {
    const { body } = await cairn.ask("GET", "/.well-known/oauth-authorization-server");
    expect(body["token_endpoint_auth_methods_supported"]).to.include("private_key_jwt");
    expect(body["token_endpoint_auth_signing_alg_values_supported"]).to.include("ES256").and.not.include("HS256");
  });

  it("use each assertion once, of 64 at the same moment one", async () => {
    const assertion = await sign();
    const answers = await Promise.all(Array.from({ length: 64 }, () => introspect(assertion)));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    const refused = answers.filter(({ status }) => status === 401);
    expect(refused).to.have.length(63);
    for (const { body } of refused) expect(body["error_description"]).to.match(/used before/);
  });

  it("are refused by name for whatever is wrong with an assertion", async () => {
    const now = Math.floor(Date.now() / 1000);
    const other = await generateKeyPair("ES256");
    const hmac = new TextEncoder().encode(JSON.stringify(publicKey).padEnd(64));
    const cases: [string, Promise<string>, RegExp][] = [
      ["another key", sign({}, {}, other.privateKey), /has the key that signed/],
      ["another kid", sign({}, { kid: "two" }), /has the key that signed/],
      ["HMAC with the public key", sign({}, { alg: "HS256" }, hmac as never), /has the key that signed/],
      ["unknown client", sign({ sub: "nobody", iss: "nobody" }), /has the key that signed/],
      ["another issuer", sign({ iss: "somebody" }), /iss and sub/],
      ["another audience", sign({ aud: "https://other.example" }), /aud must be/],
      ["no audience", sign({ aud: undefined }), /aud must be/],
      ["no end", sign({ exp: undefined }), /exp is missing/],
      ["ended", sign({ exp: now - 60 }), /exp is missing or has passed/],
      ["too long a life", sign({ exp: now + 3_600 }), /more than 600 seconds/],
      ["premature", sign({ nbf: now + 120 }), /lies ahead/],
      ["no id", sign({ jti: undefined }), /jti must be/],
      ["a long id", sign({ jti: "x".repeat(300) }), /jti must be/],
      ["no JWT", Promise.resolve("nonsense"), /no JWT/],
    ];
    for (const [name, assertion, reason] of cases) {
      const { status, body } = await introspect(await assertion);
      expect(status, name).to.equal(401);
      expect(body["error"], name).to.equal("invalid_client");
      expect(body["error_description"], name).to.match(reason);
    }
    const wrongType = await introspect(await sign(), { client_assertion_type: "jwt" });
    expect(wrongType.body["error_description"]).to.match(/client_assertion_type must be/);
    const otherClient = await introspect(await sign(), { client_id: oauth.client.clientId });
    expect(otherClient.body["error_description"]).to.match(/client_id is not the client/);
    const twoWays = await introspect(await sign(), { client_secret: "x", client_id: client.clientId });
    expect([twoWays.status, twoWays.body["error"]]).to.deep.equal([400, "invalid_request"]);
  });

  it("have no secret, and clients with a secret have no keys", async () => {
    const clients = createClientStore(cairn.context.mongo);
    const noSecret = await replaceSecret({ clients }, client.clientId).catch((error: unknown) => error);
    expect(noSecret).to.have.property("code", "oauth_client.unknown");
    const given = { clientId: oauth.client.clientId, jwks: { keys: [publicKey] } };
    const noKeys = await replaceKeys({ clients }, given).catch((error: unknown) => error);
    expect(noKeys).to.have.property("code", "oauth_client.unknown");
    const stranger = await sign({ iss: oauth.client.clientId, sub: oauth.client.clientId });
    expect((await introspect(stranger)).status).to.equal(401);
  });

  it("change their keys", async () => {
    const own = await oauth.addClient({ jwks: { keys: [publicKey] } });
    const claims = { iss: own.clientId, sub: own.clientId };
    expect((await introspect(await sign(claims))).status).to.equal(200);
    const next = await generateKeyPair("EdDSA", { extractable: true });
    const jwk = { ...(await exportJWK(next.publicKey)), kid: "next" };
    const clients = createClientStore(cairn.context.mongo);
    await replaceKeys({ clients }, { clientId: own.clientId, jwks: { keys: [jwk] } });
    const signNext = () => sign(claims, { alg: "EdDSA", kid: "next" }, next.privateKey);
    await eventually("the new key to count", async () => (await introspect(await signNext())).status === 200);
    expect((await introspect(await sign(claims))).status).to.equal(401);
  });

  it("register public keys alone, and strong ones", async () => {
    const rsa = await generateKeyPair("RS256", { extractable: true });
    const problem = async (keys: JWK[]) =>
      String(await oauth.addClient({ jwks: { keys: keys } }).catch((error: unknown) => error));
    expect(await problem([])).to.match(/1 to 10 keys/);
    expect(await problem([await exportJWK(pair.privateKey)])).to.match(/key 1 is private/);
    expect(await problem([{ kty: "oct", k: "AAAA" }])).to.match(/key 1 is private/);
    expect(await problem([{ kty: "EC", crv: "secp256k1", x: "", y: "" }])).to.match(/on one of the curves/);
    expect(await problem([{ ...publicKey, x: "AAAA" }])).to.match(/no public key/);
    expect(await problem([publicKey, publicKey])).to.match(/distinct/);
    expect(await problem([{ ...(await exportJWK(rsa.publicKey)), n: "AQAB".repeat(20) }])).to.match(/fewer than 2048/);
    await oauth.addClient({ jwks: { keys: [await exportJWK(rsa.publicKey)] } });
  });
});

describe("what clients learn and must send", () => {
  let cairn: Fixture;
  let oauth: OAuthActors;
  before(async () => {
    cairn = await fixture("oauth_pkce", { modules: OAUTH_MODULES });
    oauth = await startOAuthActors(cairn);
  });
  after(async () => {
    await oauth.close();
    await cairn.close();
  });

  const form = { "content-type": "application/x-www-form-urlencoded" };
  const push = ({ clientId, secret }: TestClient, more: Record<string, string> = {}) =>
    cairn.ask("POST", "/par", {
      headers: form,
      body: new URLSearchParams({
        client_id: clientId,
        client_secret: secret,
        response_type: "code",
        redirect_uri: REDIRECT_URI,
        ...more,
      }).toString(),
    });

  it("/setup and /par name the session as the webhook does", async () => {
    const { clientId, secret } = oauth.client;
    const setUp = await cairn.ask("POST", `/setup/${clientId}`, { token: secret });
    const pushed = await push(oauth.client);
    for (const { body } of [setUp, pushed]) {
      const session = await oauth.sessions.find(String(body["session_id"]));
      expect(session).to.include({ clientId, status: "pending" });
    }
  });

  it("PKCE is required of every client that is not registered without", async () => {
    const strict = await oauth.addClient({ withoutPkce: false });
    const refused = await push(strict);
    expect([refused.status, refused.body["error"]]).to.deep.equal([400, "invalid_request"]);
    expect(refused.body["error_description"]).to.match(/code_challenge is missing/);
    const challenge = { code_challenge: "x".repeat(43), code_challenge_method: "S256" };
    expect((await push(strict, challenge)).status).to.equal(201);
    const query = new URLSearchParams({
      client_id: strict.clientId,
      response_type: "code",
      redirect_uri: REDIRECT_URI,
    });
    const plain = await cairn.ask("GET", `/authorize?${query.toString()}`);
    expect(plain.status).to.equal(303);
    expect(new URL(plain.headers.get("location") ?? "").searchParams.get("error")).to.equal("invalid_request");
    expect((await push(oauth.client)).status).to.equal(201);
  });
});

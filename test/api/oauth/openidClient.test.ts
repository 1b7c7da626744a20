import { expect } from "chai";
import * as oidc from "openid-client";
import { createBrowser } from "../../support/oauthBrowser";
import { fixture, type Fixture } from "../../support/fixture";
import { AGE_SCOPE, OAUTH_MODULES, REDIRECT_URI, type OAuthActors, startOAuthActors } from "../../support/oauthActors";
import { eventually } from "../../support/eventually";

describe("the OAuth gateway, with an off-the-shelf client", () => {
  let cairn: Fixture;
  let oauth: OAuthActors;

  before(async () => {
    cairn = await fixture("oauth_client", { modules: OAUTH_MODULES, workers: true });
    oauth = await startOAuthActors(cairn);
  });
  after(async () => {
    await oauth.close();
    await cairn.close();
  });

  function discover(authentication: (secret: string) => oidc.ClientAuth): Promise<oidc.Configuration> {
    const { clientId, secret } = oauth.client;
    return oidc.discovery(new URL(oauth.url), clientId, secret, authentication(secret), {
      algorithm: "oauth2",
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out; our test server has no TLS
      execute: [oidc.allowInsecureRequests],
    });
  }

  async function callback(start: URL): Promise<URL> {
    const browser = createBrowser(oauth.url);
    const started = await browser.get(start.pathname + start.search, "application/json");
    expect(started.status, started.text).to.equal(200);
    const id = String(started.json["verification_id"]);
    oauth.verifier.answerAsWallet(id, "show");
    await eventually("the end", async () => (await browser.get(`/status/${id}`)).json["status"] === "verified");
    return new URL((await browser.get(`/authorize/${id}/finish`)).headers.get("location") ?? "");
  }

  for (const [name, authentication] of [
    ["client_secret_basic", oidc.ClientSecretBasic],
    ["client_secret_post", oidc.ClientSecretPost],
  ] as const) {
    for (const pushed of [false, true]) {
      it(`leads from ${pushed ? "a pushed request" : "a plain request"} to the claims and back, with ${name}, PKCE, state and iss`, async () => {
        const config = await discover(authentication);
        const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
        const expectedState = oidc.randomState();
        const parameters = {
          redirect_uri: REDIRECT_URI,
          scope: AGE_SCOPE.name,
          state: expectedState,
          code_challenge_method: "S256",
          code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
        };
        const start = pushed
          ? await oidc.buildAuthorizationUrlWithPAR(config, parameters)
          : oidc.buildAuthorizationUrl(config, parameters);
        const tokens = await oidc.authorizationCodeGrant(config, await callback(start), {
          pkceCodeVerifier,
          expectedState,
        });
        expect(tokens).to.include({ token_type: "bearer", scope: "age", expires_in: 3600 });

        const introspected = await oidc.tokenIntrospection(config, tokens.access_token);
        expect(introspected).to.include({ active: true, client_id: oauth.client.clientId, iss: oauth.url });
        const information = await oidc.fetchUserInfo(config, tokens.access_token, introspected.sub!);
        expect(information).to.deep.include({ status: "verified", claims: { age_over_18: true } });

        await oidc.tokenRevocation(config, tokens.access_token);
        expect(await oidc.tokenIntrospection(config, tokens.access_token)).to.deep.equal({ active: false });
        const refused = await oidc
          .fetchUserInfo(config, tokens.access_token, introspected.sub!)
          .catch((error: unknown) => error);
        expect(refused).to.be.instanceOf(oidc.WWWAuthenticateChallengeError);
      });
    }
  }

  it("gets the standard's errors for a rejected code and a wrong secret", async () => {
    const config = await discover(oidc.ClientSecretBasic);
    const answered = new URL(`${REDIRECT_URI}?code=OAC-nonsense&iss=${encodeURIComponent(oauth.url)}`);
    const grant = await oidc.authorizationCodeGrant(config, answered).catch((error: unknown) => error);
    expect(grant).to.be.instanceOf(oidc.ResponseBodyError).and.to.include({ error: "invalid_grant", status: 400 });
    const stranger = await discover(() => oidc.ClientSecretBasic("OCS-wrong"));
    const refused = (await oidc
      .authorizationCodeGrant(stranger, answered)
      .catch((error: unknown) => error)) as Error & { cause?: unknown };
    expect(refused).to.be.instanceOf(oidc.WWWAuthenticateChallengeError).and.to.include({ status: 401 });
  });

  it("learns of a declined request as access_denied", async () => {
    const config = await discover(oidc.ClientSecretBasic);
    const expectedState = oidc.randomState();
    const start = oidc.buildAuthorizationUrl(config, {
      redirect_uri: REDIRECT_URI,
      scope: "age",
      state: expectedState,
    });
    const browser = createBrowser(oauth.url);
    const { json } = await browser.get(start.pathname + start.search, "application/json");
    const id = String(json["verification_id"]);
    oauth.verifier.answerAsWallet(id, "decline");
    await eventually("the end", async () => (await browser.get(`/status/${id}`)).json["status"] === "failed");
    const back = new URL((await browser.get(`/authorize/${id}/finish`)).headers.get("location") ?? "");
    const refused = await oidc.authorizationCodeGrant(config, back, { expectedState }).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(oidc.AuthorizationResponseError).and.to.include({ error: "access_denied" });
  });
});

import { expect } from "chai";
import { authorizeQuery, createBrowser, readAnswer, setUpNonce } from "../../support/oauthBrowser";
import { fixture, type Fixture } from "../../support/fixture";
import { OAUTH_MODULES, type OAuthActors, startOAuthActors } from "../../support/oauthActors";

describe("the OAuth gateway's paths, asked in other ways", () => {
  let cairn: Fixture;
  let oauth: OAuthActors;

  before(async () => {
    cairn = await fixture("oauth_methods", { modules: OAUTH_MODULES });
    oauth = await startOAuthActors(cairn);
  });
  after(async () => {
    await oauth.close();
    await cairn.close();
  });

  const ask = async (method: string, path: string) =>
    readAnswer(await fetch(oauth.url + path, { method, redirect: "manual" }));

  it("answers HEAD on a link and on a plain request with the page's headers, and claims, creates and stores nothing", async () => {
    const link = `/authorize/${await setUpNonce(oauth)}?${authorizeQuery(oauth.client)}`;
    const plain = `/authorize?${authorizeQuery(oauth.client)}`;
    const sessions = () => cairn.context.mongo.collection("oauth_sessions").find().sort({ _id: 1 }).toArray();
    const [before, opened] = [await sessions(), oauth.verifier.verifications.all().length];
    for (const path of [link, plain, "/authorize/unknown"]) {
      const { status, headers, text } = await ask("HEAD", path);
      expect([status, text, headers.get("set-cookie"), headers.get("location")]).to.deep.equal([200, "", null, null]);
      expect(headers.get("content-type")).to.match(/^text\/html/);
      expect(headers.get("referrer-policy")).to.equal("no-referrer");
    }
    expect(await sessions()).to.deep.equal(before);
    expect(oauth.verifier.verifications.all()).to.have.length(opened);
    const browser = createBrowser(oauth.url);
    expect((await browser.get(link)).status, "the link is as good as before").to.equal(200);
    expect(browser.cookie).not.to.equal(undefined);
  });

  for (const path of ["/token", "/par", "/introspect", "/revoke", "/info"]) {
    it(`refuses another method at ${path} with 405, Allow and OAuth's words`, async () => {
      const { status, headers, json } = await ask("DELETE", path);
      const allow = path === "/info" ? "GET, HEAD, OPTIONS" : "POST, OPTIONS";
      expect([status, headers.get("allow")]).to.deep.equal([405, allow]);
      expect(headers.get("content-type")).to.match(/^application\/json/);
      expect(json).to.deep.equal({
        error: "invalid_request",
        error_description: `This path answers ${allow} only.`,
      });
    });
  }

  it("refuses another method at /authorize with 405, Allow and a page", async () => {
    for (const path of ["/authorize", "/authorize/unknown"]) {
      const { status, headers, text } = await ask("POST", path);
      expect([status, headers.get("allow")]).to.deep.equal([405, "GET, HEAD, OPTIONS"]);
      expect(headers.get("content-type")).to.match(/^text\/html/);
      expect(text).to.include("This path answers GET, HEAD, OPTIONS only.");
    }
  });
});

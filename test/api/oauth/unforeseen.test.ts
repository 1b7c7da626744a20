import { expect } from "chai";
import { authorizeQuery, createBrowser, postForm, type Answered } from "../../support/oauthBrowser";
import { fixture, type Fixture } from "../../support/fixture";
import { OAUTH_MODULES, type OAuthActors, startOAuthActors, type TestClient } from "../../support/oauthActors";

describe("the OAuth gateway, when something breaks that nobody foresaw", () => {
  let cairn: Fixture;
  let oauth: OAuthActors;

  before(async () => {
    cairn = await fixture("oauth_unforeseen", { modules: OAUTH_MODULES });
    oauth = await startOAuthActors(cairn);
  });
  after(async () => {
    await oauth.close();
    await cairn.close();
  });

  /** A client whose record somebody spoilt by hand. */
  async function spoiltClient(damage: Record<string, unknown>): Promise<TestClient> {
    const client = await oauth.addClient();
    await cairn.context.mongo
      .collection<{ _id: string }>("oauth_clients")
      .updateOne({ _id: client.clientId }, { $set: damage });
    return client;
  }

  function expectLogged({ headers }: Answered): void {
    const id = headers.get("x-request-id")!;
    const lines = cairn.log().split("\n");
    const line = lines.find((one) => one.includes(id) && one.includes('"msg":"request failed"'));
    expect(JSON.parse(line ?? "{}"), "logged whole")
      .to.include({ level: "error" })
      .and.to.have.property("err");
  }

  for (const path of ["/token", "/par", "/introspect", "/revoke"]) {
    it(`tells a client's server so in OAuth's words at ${path}, and logs it whole`, async () => {
      const client = await spoiltClient({ secretHashes: [7] });
      const seen = await postForm(oauth, path, client, {});
      expect([seen.status, seen.headers.get("content-type")]).to.deep.equal([500, "application/json; charset=utf-8"]);
      expect(seen.json).to.deep.equal({
        error: "server_error",
        error_description: `Something went wrong on our side. Report request ${seen.headers.get("x-request-id")!} if it happens again.`,
      });
      expect(seen.headers.get("cache-control")).to.equal("no-store");
      expectLogged(seen);
    });
  }

  it("shows a person a page, sends nobody anywhere, and logs it whole", async () => {
    const client = await spoiltClient({ scopes: null });
    const seen = await createBrowser(oauth.url).get(`/authorize?${authorizeQuery(client)}`);
    expect([seen.status, seen.headers.get("location")]).to.deep.equal([500, null]);
    expect(seen.headers.get("content-type")).to.match(/^text\/html/);
    expect(seen.headers.get("content-security-policy")).to.include("default-src 'none'");
    expect(seen.text)
      .to.include(`Something went wrong on our side. Report request ${seen.headers.get("x-request-id")!}`)
      .and.not.include("TypeError")
      .and.not.include("af0ifjsldkj");
    expectLogged(seen);
  });
});

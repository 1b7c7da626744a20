import { expect } from "chai";
import { type Fixture, fixture } from "../../../support/fixture";
import { OAUTH_MODULES, type OAuthActors, startOAuthActors } from "../../../support/oauthActors";

describe("wrong secrets of OAuth clients", () => {
  let cairn: Fixture;
  let actors: OAuthActors;
  before(async () => {
    cairn = await fixture("oauth_guesses", { modules: OAUTH_MODULES, config: { sessions: { limitLogins: true } } });
    actors = await startOAuthActors(cairn);
  });
  after(async () => {
    await actors.close();
    await cairn.close();
  });

  async function revoke(address: string, secret: string): Promise<{ status: number; retryAfter: string | null }> {
    const body = new URLSearchParams({ client_id: actors.client.clientId, client_secret: secret, token: "unknown" });
    const headers = { "x-forwarded-for": address };
    const answer = await fetch(`${cairn.url}/revoke`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    return { status: answer.status, retryAfter: answer.headers.get("retry-after") };
  }

  it("of 128 that one address brings at once, 30 are looked at, all others answered 429 with Retry-After", async () => {
    const guesses = await Promise.all(
      Array.from({ length: 128 }, (_, index) => revoke("198.51.100.1", `OCS-wrong-${index}`)),
    );
    expect(guesses.filter(({ status }) => status === 401)).to.have.length(30);
    const refused = guesses.filter(({ status }) => status === 429);
    expect(refused).to.have.length(98);
    for (const { retryAfter } of refused) expect(Number(retryAfter)).to.be.within(1, 900);
    const { secret } = actors.client;
    expect((await revoke("198.51.100.1", secret)).status, "a right one tells a guesser nothing").to.equal(429);
    expect((await revoke("198.51.100.2", secret)).status).to.equal(200);
    expect((await revoke("198.51.100.1", secret)).status, "known since").to.equal(200);
  });
});

import { expect } from "chai";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import { issue, newHolder, newIssuer, type TestHolder, type TestIssuer } from "../../support/credentialActors";
import { type Fixture, fixture } from "../../support/fixture";

describe("the list of what an issuer issued", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let other: TestIssuer;
  let alice: TestHolder;
  let bob: TestHolder;
  let ids: string[];

  before(async () => {
    clock = fakeClock();
    on = await fixture("issued", { modules: ["issuers", "credentials"], chain: true, workers: true, clock });
    [issuer, other] = [await newIssuer(on), await newIssuer(on)];
    [alice, bob] = [await newHolder(on), await newHolder(on)];
    await issue(on, other, alice, { reference: "a" });
    ids = [];
    for (const [holder, reference] of [
      [alice, "a"],
      [bob, "b"],
      [alice, "c"],
      [bob, "d"],
      [alice, "e"],
    ] as const) {
      ids.unshift(String((await issue(on, issuer, holder, { reference })).credentialId));
      // Two of the same moment, so that a page can end between them.
      if (reference !== "b") clock.advance(1);
    }
  });
  after(() => on.close());

  const list = (query: string, as = issuer) => on.ask("GET", `/credentials/issued?${query}`, { token: as.apiKey });
  const idsOf = async (query: string) => {
    const { status, body, text } = await list(query);
    expect(status, text).to.equal(200);
    return (body["credentials"] as { credentialId: string }[]).map(({ credentialId }) => credentialId);
  };

  it("is its own alone, the newest first, and goes on where the page before ended", async () => {
    expect(await idsOf(""))
      .to.have.members(ids)
      .and.have.length(5);
    const found: string[] = [];
    let cursor = "";
    do {
      const { body } = await list(`limit=2${cursor}`);
      found.push(...(body["credentials"] as { credentialId: string }[]).map(({ credentialId }) => credentialId));
      cursor = body["next"] === null ? "" : `&cursor=${String(body["next"])}`;
    } while (cursor !== "");
    expect(found).to.deep.equal(await idsOf(""));
    expect(found[0]).to.equal(ids[0]);
    expect(found.at(-1)).to.equal(ids.at(-1));
  });

  it("is searched by holder, type, state and reference", async () => {
    expect(await idsOf(`subjectDid=${bob.did}`)).to.have.members([ids[1], ids[3]]);
    expect(await idsOf("type=EducationCredential&status=ACTIVE")).to.have.length(5);
    expect(await idsOf("status=USED")).to.deep.equal([]);
    expect(await idsOf("reference=c")).to.deep.equal([ids[2]]);
    expect(await idsOf(`reference=c&subjectDid=${bob.did}`)).to.deep.equal([]);
    expect(await idsOf("reference=unknown")).to.deep.equal([]);
  });

  it("refuses a cursor that is none, and anybody else", async () => {
    expect((await list("cursor=nonsense")).body.code).to.equal("credential.cursor_invalid");
    expect((await on.ask("GET", "/credentials/issued", { token: alice.token })).status).to.equal(401);
    const { body } = await list("", other);
    expect(body["credentials"]).to.have.length(1);
  });
});

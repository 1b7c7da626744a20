import { expect } from "chai";
import { createLocalJWKSet, compactVerify } from "jose";
import { namesTag } from "../../../api/http/cachedBody";
import { chooseForm } from "../../../api/statusLists/rules";
import { eventually } from "../../support/eventually";
import { issue, newHolder, newIssuer, type TestHolder, type TestIssuer } from "../../support/credentialActors";
import { type Fixture, fixture } from "../../support/fixture";

describe("status lists", () => {
  let on: Fixture;
  let issuer: TestIssuer;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("lists", { modules: ["issuers", "credentials", "statusLists"], chain: true, workers: true });
    await on.startIndexer();
    issuer = await newIssuer(on);
    alice = await newHolder(on);
  });

  after(() => on.close());

  const read = (path: string, headers: Record<string, string> = {}) => on.ask("GET", path, { headers });

  /** Status entries of a credential, as a stranger finds them in it. */
  function entriesOf(jwt: string): { path: string; index: number }[] {
    const payload = JSON.parse(Buffer.from(jwt.split(".")[1]!, "base64url").toString());
    return payload.credentialStatus
      .slice(0, 2)
      .map((entry: { statusListCredential: string; statusListIndex: string }) => ({
        path: new URL(entry.statusListCredential).pathname,
        index: Number(entry.statusListIndex),
      }));
  }

  async function bitOf({ path, index }: { path: string; index: number }): Promise<boolean> {
    const { Bitstring } = await import("@digitalbazaar/bitstring");
    const { text } = await read(path, { accept: "application/vc" });
    const { encodedList } = JSON.parse(text).credentialSubject;
    return new Bitstring({ buffer: await Bitstring.decodeBits({ encoded: withoutMultibase(encodedList) }) }).get(index);
  }

  it("tell an independent library what the chain says of a credential, found by the credential alone", async () => {
    const bystander = await issue(on, issuer, alice);
    const { credentialId, jwt } = await issue(on, issuer, alice);
    const [revocation, suspension] = entriesOf(jwt) as [
      { path: string; index: number },
      { path: string; index: number },
    ];
    expect(await bitOf(revocation)).to.equal(false);
    await on.ask("POST", "/credentials/suspend", { token: issuer.apiKey, body: { credentialId } });
    await eventually("the suspension to be listed", () => bitOf(suspension));
    expect(await bitOf(revocation)).to.equal(false);
    await on.ask("POST", "/credentials/revoke", { token: issuer.apiKey, body: { credentialId } });
    await eventually("the revocation to be listed", () => bitOf(revocation));
    for (const entry of entriesOf(bystander.jwt)) expect(await bitOf(entry)).to.equal(false);
  });

  it("are credentials signed by the issuer, of at least 131,072 entries", async () => {
    const path = `/status-lists/${issuer.address}/revocation/0`;
    const answer = await read(path, { accept: "application/vc+jwt" });
    expect(answer.headers.get("content-type")).to.equal("application/vc+jwt");
    const keys = (await on.ask("GET", `/issuers/${issuer.address}`)).body.keys.map(
      ({ publicJwk, kid }: { publicJwk: object; kid: string }) => ({ ...publicJwk, kid: `${issuer.did}#${kid}` }),
    );
    const { payload } = await compactVerify(answer.text, createLocalJWKSet({ keys }));
    const list = JSON.parse(Buffer.from(payload).toString());
    expect(list).to.deep.include({
      issuer: issuer.did,
      type: ["VerifiableCredential", "BitstringStatusListCredential"],
    });
    expect(list.id).to.match(/\/revocation\/0$/);
    const { Bitstring } = await import("@digitalbazaar/bitstring");
    expect(
      (await Bitstring.decodeBits({ encoded: withoutMultibase(list.credentialSubject.encodedList) })).length,
    ).to.equal(131_072 / 8);
  });

  it("keep their tag until a bit changes, and then change it", async () => {
    const path = `/status-lists/${issuer.address}/suspension/0`;
    const first = await read(path);
    const etag = first.headers.get("etag")!;
    const again = await read(path, { "if-none-match": etag });
    expect(again.status).to.equal(304);
    expect(again.text).to.equal("");
    const { credentialId } = await issue(on, issuer, alice);
    await on.ask("POST", "/credentials/suspend", { token: issuer.apiKey, body: { credentialId } });
    await eventually("another tag", async () => (await read(path, { "if-none-match": etag })).status === 200);
    expect(first.headers.get("cache-control")).to.equal("public, max-age=60");
    expect(Number(first.headers.get("cairn-block-number"))).to.be.greaterThan(0);
  });

  it("refuse an issuer nobody knows, a form they do not have, and a list beyond all numbers", async () => {
    expect((await read(`/status-lists/0x${"1".repeat(40)}/revocation/0`)).body.code).to.equal("issuer.unknown");
    const path = `/status-lists/${issuer.address}/revocation`;
    expect((await read(`${path}/0`, { accept: "text/html" })).body.code).to.equal("status_list.not_acceptable");
    expect((await read(`${path}/9007199254740991`)).body.code).to.equal("status_list.unknown");
  });
});

/** The library leaves the multibase header `u` (base64url without padding) to its caller. */
function withoutMultibase(encodedList: string): string {
  expect(encodedList[0]).to.equal("u");
  return encodedList.slice(1);
}

describe("asking for a status list", () => {
  it("gets it signed unless JSON is asked for", () => {
    expect(chooseForm(undefined)).to.equal("jwt");
    expect(chooseForm("*/*")).to.equal("jwt");
    expect(chooseForm("application/vc+jwt")).to.equal("jwt");
    expect(chooseForm("application/json;q=0.9, text/html")).to.equal("json");
    expect(chooseForm("text/html")).to.equal(undefined);
  });

  it("compares tags weakly, in lists and with the star", () => {
    expect(namesTag('"b", W/"a"', 'W/"a"')).to.equal(true);
    expect(namesTag('"a"', 'W/"a"')).to.equal(true);
    expect(namesTag("*", 'W/"a"')).to.equal(true);
    expect(namesTag('"b"', 'W/"a"')).to.equal(false);
    expect(namesTag(undefined, 'W/"a"')).to.equal(false);
  });
});

import { expect } from "chai";
import { compactVerify, createLocalJWKSet } from "jose";
import { parseJws } from "../../../../core/keys/verifyJws";
import { readStatusListToken, requireValid } from "../../../../api/presentations/statuses/tokenStatusList";
import { acceptsToken, isOutdated, listTime } from "../../../../api/statusLists/tokens/rules";
import { issue, newHolder, newIssuer, revokeDirectly, type TestIssuer } from "../../../support/credentialActors";
import { eventually } from "../../../support/eventually";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import { type Fixture, fixture } from "../../../support/fixture";

const MEDIA_TYPE = "application/statuslist+jwt";

describe("a Token Status List of this registry", () => {
  let on: Fixture;
  let clock: MovableClock;
  let issuer: TestIssuer;

  before(async () => {
    clock = movableClock();
    const modules = ["issuers", "credentials", "statusLists"] as const;
    on = await fixture("token-lists", { modules: [...modules], chain: true, workers: true, clock });
    await on.startIndexer();
    issuer = await newIssuer(on);
  });
  after(() => on.close());

  const read = (headers: Record<string, string> = {}, query = "") =>
    on.ask("GET", `/token-status-lists/${issuer.address}/0${query}`, { headers });

  it("is signed by the issuer's key, about itself, and says how long it may be believed", async () => {
    const answer = await read({ accept: MEDIA_TYPE });
    expect(answer.status, answer.text).to.equal(200);
    expect(answer.headers.get("content-type")).to.equal(MEDIA_TYPE);
    expect(answer.headers.get("cache-control")).to.equal("public, max-age=60");
    expect(Number(answer.headers.get("cairn-block-number"))).to.be.greaterThan(0);
    const { keys } = (await on.ask("GET", `/issuers/${issuer.address}`)).body;
    const known = keys.map(({ publicJwk, kid }: { publicJwk: object; kid: string }) => ({
      ...publicJwk,
      kid: `${issuer.did}#${kid}`,
    }));
    const { payload, protectedHeader } = await compactVerify(answer.text, createLocalJWKSet({ keys: known }));
    expect(protectedHeader.typ).to.equal("statuslist+jwt");
    const claims = JSON.parse(Buffer.from(payload).toString("utf8"));
    expect(claims).to.include({ iss: issuer.did, sub: `${on.url}/token-status-lists/${issuer.address}/0`, ttl: 60 });
    expect(claims.exp - claims.iat).to.equal(900);
    expect(claims.iat).to.be.within(clock.now().getTime() / 1000 - 180, clock.now().getTime() / 1000);
    expect(claims.status_list.bits).to.equal(2);
  });

  it("is read by our own verifier as any other issuer's is: valid, then revoked, up to its end", async () => {
    const { jwt, credId } = await issue(on, issuer, await newHolder(on), { format: "dc+sd-jwt" });
    const payload = JSON.parse(Buffer.from((jwt as string).split(".")[1]!, "base64url").toString("utf8"));
    const { idx, uri } = payload.status.status_list as { idx: number; uri: string };
    const listed = async () => readStatusListToken(parseJws((await read()).text), uri, clock.now());
    requireValid(await listed(), idx);
    await revokeDirectly(on, issuer, credId);
    await eventually("the revocation to be listed", async () => {
      const list = await listed();
      try {
        requireValid(list, idx);
        return false;
      } catch (error) {
        expect((error as Error).message).to.equal("The credential is revoked.");
        return true;
      }
    });
    const { bytes, bits } = await listed();
    expect((bytes.length * 8) / bits).to.equal(131_072);
    expect(() => requireValid({ bytes, bits, usableUntil: clock.now() }, 131_072)).to.throw("beyond the end");
  });

  it("has a tag that names its statuses and its time", async () => {
    const first = await read();
    expect(first.headers.get("etag")).to.match(/^W\//);
    const again = await read({ "if-none-match": first.headers.get("etag") ?? "" });
    // A minute may have passed since: the list has another time then, and another tag.
    const same = again.status === 304 ? again : await read({ "if-none-match": again.headers.get("etag") ?? "" });
    expect([same.status, same.text]).to.deep.equal([304, ""]);
  });

  it("is refused in other forms, of other times, of nobody and beyond all numbers", async () => {
    expect((await read({ accept: "application/statuslist+cwt" })).body.code).to.equal("status_list.not_acceptable");
    const former = await read({}, "?time=1686925000");
    expect([former.status, former.body.code]).to.deep.equal([501, "status_list.time_not_supported"]);
    const nobody = await on.ask("GET", `/token-status-lists/0x${"1".repeat(40)}/0`);
    expect(nobody.body.code).to.equal("issuer.unknown");
    const beyond = await on.ask("GET", `/token-status-lists/${issuer.address}/9007199254740991`);
    expect(beyond.body.code).to.equal("status_list.unknown");
  });

  it("is not given out while the index is so old that nobody would believe it", async () => {
    clock.moveSeconds(15 * 60);
    try {
      const stale = await read();
      expect([stale.status, stale.body.code]).to.deep.equal([503, "index.stale"]);
    } finally {
      clock.moveSeconds(-15 * 60);
    }
    expect((await read()).status).to.equal(200);
  });
});

describe("the time of a Token Status List", () => {
  const at = (text: string) => new Date(`2026-03-01T${text}Z`);
  const index = { blockNumber: 7, headNumber: 7, minedAt: at("10:00:00"), headSeenAt: at("11:59:59") };

  it("is the last look at the chain while the index has caught up, else the time of its last block", () => {
    expect(listTime(index, at("12:00:30"))).to.deep.equal(at("11:59:00"));
    expect(listTime({ ...index, headNumber: 8 }, at("12:00:30"))).to.deep.equal(at("10:00:00"));
  });

  it("is never in the future, whatever the chain's clock says", () => {
    expect(listTime({ ...index, headSeenAt: at("13:00:00") }, at("12:00:30"))).to.deep.equal(at("12:00:00"));
  });

  it("is outdated a minute before the list expires", () => {
    expect(isOutdated(at("12:00:00"), at("12:13:59"))).to.equal(false);
    expect(isOutdated(at("12:00:00"), at("12:14:00"))).to.equal(true);
  });
});

describe("asking for a Token Status List", () => {
  it("takes its media type, JWTs and anything", () => {
    for (const accept of [undefined, "*/*", MEDIA_TYPE, "text/html, application/jwt;q=0.5"]) {
      expect(acceptsToken(accept), accept).to.equal(true);
    }
    for (const accept of ["application/statuslist+cwt", "text/html", "application/json"]) {
      expect(acceptsToken(accept), accept).to.equal(false);
    }
  });
});

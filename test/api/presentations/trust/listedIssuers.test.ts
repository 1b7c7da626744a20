import { expect } from "chai";
import { createPresentationStore } from "../../../../api/presentations/store";
import { createListedIssuers } from "../../../../api/presentations/trust/listedIssuers";
import { PresentationRejection } from "../../../../api/presentations/rejection";
import { emptyObject } from "../../../../core/json";
import { fetchBytes } from "../../../../core/fetchBytes";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import { type ListServer, type ServedList, startListServer } from "../../../support/presentations/listServer";
import { type Asked, type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { issue, type Issued, type JoseKey, joseKey } from "../../../support/presentations/sdJwtWallet";
import { submit } from "../../../support/presentations/wallet";

const WELL_KNOWN = "/.well-known/jwt-vc-issuer";
const KID = "key-1";

describe("an issuer whose keys are at /.well-known/jwt-vc-issuer", () => {
  let server: ListServer;
  let clock: MovableClock;
  let relying: RelyingParty;
  let issuerKey: JoseKey;
  /** Each case has an issuer of its own, since keys are held. */
  let named = 0;

  before(async () => {
    server = await startListServer();
    clock = movableClock();
    issuerKey = joseKey();
    const issuers = [server.origin, ...Array.from({ length: 40 }, (_, place) => `${server.origin}/issuer/${place}`)];
    relying = await relyingParty("listed-issuers", { clock, config: { presentations: { issuers } } });
  });
  after(async () => {
    await relying.close();
    await server.close();
  });

  it("is trusted when it is listed, by a key of its jwks, which is fetched once", async () => {
    const issuer = nextIssuer();
    publish(issuer, metadata(issuer));
    const credential = await issued(issuer);
    for (let time = 0; time < 3; time += 1) await expectAccepted(credential);
    expect(server.fetches(metadataUrl(issuer))).to.equal(1);
  });

  it("is trusted by a key of the set at its jwks_uri", async () => {
    const issuer = nextIssuer();
    server.serveAt("/keys-of-it", json({ keys: [jwk()] }));
    publish(issuer, { issuer, jwks_uri: `${server.origin}/keys-of-it` });
    await expectAccepted(await issued(issuer));
  });

  it("is found where its URL has no path, and by a JWT without kid when it has one key", async () => {
    const issuer = server.origin;
    server.serveAt(WELL_KNOWN, json(metadata(issuer)));
    await expectAccepted(await issued(issuer, {}));
  });

  it("may have a new key: it is asked again for one that it did not have, once a minute, and each ten minutes", async () => {
    const issuer = nextIssuer();
    publish(issuer, metadata(issuer));
    await expectAccepted(await issued(issuer));
    const newKey = joseKey("EdDSA");
    const rotated = { ...newKey.jwk, kid: "key-2" };
    publish(issuer, { issuer, jwks: { keys: [rotated] } });
    const renewed = await issued(issuer, { kid: "key-2" }, newKey);
    await expectUnknown(renewed);
    expect(server.fetches(metadataUrl(issuer)), "asked again within the minute").to.equal(1);
    clock.moveSeconds(61);
    await expectAccepted(renewed);
    await expectUnknown(await issued(issuer));
    clock.moveSeconds(601);
    publish(issuer, { issuer, jwks: { keys: [] } });
    await expectUnknown(renewed);
  });

  it("that is not listed is unknown, and nothing is fetched from it", async () => {
    const issuer = `${server.origin}/stranger`;
    publish(issuer, metadata(issuer));
    await expectUnknown(await issued(issuer));
    expect(server.fetches(metadataUrl(issuer))).to.equal(0);
    for (const spelt of [`${server.origin}/`, `${server.origin}/issuer/../issuer/39`, server.origin.toUpperCase()]) {
      await expectUnknown(await issued(spelt));
    }
  });

  const refused: [string, (issuer: string) => object | string][] = [
    ["names another issuer", (issuer) => ({ ...metadata(issuer), issuer: `${issuer}/` })],
    ["names no issuer", (issuer) => ({ ...metadata(issuer), issuer: undefined })],
    ["has neither jwks nor jwks_uri", (issuer) => ({ issuer })],
    ["has both", (issuer) => ({ ...metadata(issuer), jwks_uri: `${issuer}/keys` })],
    ["has a jwks that is no key set", (issuer) => ({ issuer, jwks: [jwk()] })],
    ["has more keys than an issuer has", (issuer) => ({ issuer, jwks: { keys: Array(65).fill(jwk()) } })],
    ["has a jwks_uri that is no address to fetch from", (issuer) => ({ issuer, jwks_uri: "file:///etc/passwd" })],
    ["has a jwks_uri that is no text", (issuer) => ({ issuer, jwks_uri: 1 })],
    ["has no key of that name", (issuer) => ({ issuer, jwks: { keys: [{ ...jwk(), kid: "other" }] } })],
    ["has two keys of that name", (issuer) => ({ issuer, jwks: { keys: [jwk(), jwk()] } })],
    ["has a key for encryption", (issuer) => ({ issuer, jwks: { keys: [{ ...jwk(), use: "enc" }] } })],
    ["has a key for another algorithm", (issuer) => ({ issuer, jwks: { keys: [{ ...jwk(), alg: "ES384" }] } })],
    ["has a private key", (issuer) => ({ issuer, jwks: { keys: [{ ...jwk(), d: "AAAA" }] } })],
    ["has a symmetric key", (issuer) => ({ issuer, jwks: { keys: [{ kty: "oct", k: "AAAA", kid: KID }] } })],
    ["is no JSON", () => "<html>"],
    ["is no object", () => "[]"],
  ];
  for (const [what, document] of refused) {
    it(`is unknown when its metadata ${what}`, async () => {
      const issuer = nextIssuer();
      publish(issuer, document(issuer));
      await expectUnknown(await issued(issuer));
    });
  }

  it("is not believed when another key signed", async () => {
    const issuer = nextIssuer();
    publish(issuer, metadata(issuer));
    const { submitted } = await answer(await issued(issuer, { kid: KID }, joseKey()));
    expect(submitted.status, submitted.text).to.equal(400);
    expect(submitted.body["error_description"]).to.equal("The credential is not signed by its issuer.");
  });

  const outages: [string, ServedList | undefined][] = [
    ["is missing", undefined],
    ["answers 500", { status: 500, body: "" }],
    ["redirects", { status: 302, body: "" }],
    ["is larger than metadata is", { body: `"${"A".repeat(64 * 1024)}"` }],
  ];
  for (const [what, served] of outages) {
    it(`has the wallet try again while its metadata ${what}: 503, and nothing is written`, async () => {
      const issuer = nextIssuer();
      if (served !== undefined) server.serveAt(metadataPath(issuer), served);
      const credential = await issued(issuer);
      const { asked, submitted } = await answer(credential);
      expect(submitted.status, submitted.text).to.equal(503);
      expect(submitted.body["code"]).to.equal("fetch.failed");
      expect(await stored(asked)).to.include({ status: "ACTIVE", attempts: 0, verdict: null });
      publish(issuer, metadata(issuer));
      const again = await submit(asked.request, relying.token(asked.request, {}, credential));
      expect(again.status, again.text).to.equal(200);
    });
  }

  it("in a private network, or without https, is not asked in production", async () => {
    for (const issuer of [
      server.origin,
      server.origin.replace("http:", "https:"),
      "https://[::1]",
      "https://10.0.0.1",
    ]) {
      const before = server.fetches(metadataUrl(server.origin));
      const findKey = createListedIssuers({
        clock,
        config: { presentations: { ...relying.on.context.config.presentations, issuers: [issuer] } },
        fetchMetadata: (url) =>
          fetchBytes(url, "application/json", { maxBytes: 1000, timeoutMs: 1000, allowPrivate: false }),
      });
      const outcome = await findKey(issuer, emptyObject()).catch((error: unknown) => error);
      expect(outcome).to.be.instanceOf(PresentationRejection).and.include({ reason: "issuer_unknown" });
      expect(server.fetches(metadataUrl(server.origin))).to.equal(before);
    }
  });

  it("is asked once by many who need its keys at once", async () => {
    const issuer = nextIssuer();
    publish(issuer, metadata(issuer));
    const credential = await issued(issuer);
    const answers = await Promise.all(Array.from({ length: 16 }, () => answer(credential)));
    expect(answers.map(({ submitted }) => submitted.status)).to.deep.equal(Array(16).fill(200));
    expect(server.fetches(metadataUrl(issuer))).to.equal(1);
  });

  const stored = ({ requestId }: Asked) => createPresentationStore(relying.on.context).find(requestId);

  function nextIssuer(): string {
    return `${server.origin}/issuer/${named++}`;
  }

  function metadataPath(issuer: string): string {
    return WELL_KNOWN + new URL(issuer).pathname;
  }

  function metadataUrl(issuer: string): string {
    return server.origin + (issuer === server.origin ? WELL_KNOWN : metadataPath(issuer));
  }

  function publish(issuer: string, document: object | string): void {
    server.serveAt(metadataPath(issuer), json(document));
  }

  function metadata(issuer: string): object {
    return { issuer, jwks: { keys: [jwk()] } };
  }

  function jwk(): object {
    return { ...issuerKey.jwk, kid: KID };
  }

  function issued(iss: string, header: Record<string, unknown> = { kid: KID }, issuer = issuerKey): Promise<Issued> {
    return issue({ issuer, claims: { iss }, header });
  }

  async function answer(credential: Issued) {
    const asked = await relying.ask();
    return { asked, submitted: await submit(asked.request, relying.token(asked.request, {}, credential)) };
  }

  async function expectAccepted(credential: Issued): Promise<void> {
    const { asked, submitted } = await answer(credential);
    expect(submitted.status, submitted.text).to.equal(200);
    expect((await relying.result(asked.transactionId)).body).to.include({ result: "valid" });
  }

  async function expectUnknown(credential: Issued): Promise<void> {
    const { asked, submitted } = await answer(credential);
    expect(submitted.status, submitted.text).to.equal(400);
    expect(submitted.body["error_description"]).to.match(/issuer/i);
    expect(await stored(asked)).to.include({ status: "ACTIVE", attempts: 1, verdict: null });
  }
});

function json(document: object | string): ServedList {
  return { body: typeof document === "string" ? document : JSON.stringify(document), mediaType: "application/json" };
}

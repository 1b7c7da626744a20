import { expect } from "chai";
import { openOAuthSessionStore, type OAuthSessionStore, type Redemption } from "../../../../api/oauth/store";
import { randomId, randomToken } from "../../../../core/crypto";
import { sha256Hex } from "../../../../core/hash";
import { ensureIndexes, type Mongo, rawCollection } from "../../../../core/mongo";
import { testMongo } from "../../../support/servers";

const now = new Date("2026-01-01T12:00:00Z");
const later = new Date("2026-01-01T12:10:00Z");
const REDIRECT_URI = "https://shop.example/callback";

describe("codes redeemed side by side", () => {
  let mongo: Mongo;
  let store: OAuthSessionStore;

  before(async () => {
    mongo = await testMongo("redeem");
    store = openOAuthSessionStore(mongo);
    await ensureIndexes(mongo);
  });

  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  /** A verified session with a code to redeem. */
  async function verified(changes: object = {}): Promise<{ sessionId: string; redemption: Redemption }> {
    const sessionId = randomId();
    const codeHash = sha256Hex(randomToken());
    await rawCollection<{ _id: string }>(mongo, "oauth_sessions").insertOne({
      ...{ _id: sessionId, clientId: "shop", nonceHash: sha256Hex(randomToken()), status: "verified" },
      ...{ createdAt: now, expiresAt: later, verificationId: randomId(), pushed: null, opening: null },
      ...{ request: { redirectUri: REDIRECT_URI, state: null, scope: sessionId, codeChallenge: "challenge" } },
      ...{ verdict: { result: "verified", claims: {} }, codeHash, codeExpiresAt: later, consumedAt: null },
      ...{ tokenExpiresAt: null, tokenRevokedAt: null, forgetAt: later },
      ...changes,
    });
    const tokenHash = sha256Hex(randomToken());
    const common = { clientId: "shop", redirectUri: REDIRECT_URI, codeChallenge: "challenge" };
    return { sessionId, redemption: { ...common, codeHash, tokenHash, tokenExpiresAt: later, at: now } };
  }

  it("each give the token of their own session", async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => verified()));
    const redeemed = await Promise.all(all.map(({ redemption }) => store.redeem(redemption)));
    expect(redeemed).to.deep.equal(all.map(({ sessionId }) => ({ sessionId, scope: sessionId })));
    for (const { sessionId, redemption } of all) {
      expect((await store.findByToken(redemption.tokenHash))?.sessionId).to.equal(sessionId);
    }
  });

  it("give one token for a code that comes many times in one exchange", async () => {
    const { redemption } = await verified();
    const tries = Array.from({ length: 64 }, () => ({ ...redemption, tokenHash: sha256Hex(randomToken()) }));
    const won = (await Promise.all(tries.map((one) => store.redeem(one)))).map((redeemed) => redeemed !== null);
    expect(won.filter(Boolean)).to.have.length(1);
    const winner = tries[won.indexOf(true)];
    expect((await store.findByCode(redemption.codeHash))?.tokenHash).to.equal(winner?.tokenHash);
  });

  it("are refused one by one, whatever does not fit, without harm to those beside them", async () => {
    const wrong = await Promise.all([
      verified().then(({ redemption }) => ({ ...redemption, clientId: "other" })),
      verified().then(({ redemption }) => ({ ...redemption, redirectUri: `${REDIRECT_URI}/` })),
      verified().then(({ redemption }) => ({ ...redemption, codeChallenge: null })),
      verified().then(({ redemption }) => ({ ...redemption, codeHash: sha256Hex("unknown") })),
      verified({ codeExpiresAt: now }).then(({ redemption }) => redemption),
      verified({ consumedAt: now }).then(({ redemption }) => redemption),
    ]);
    const right = await verified();
    const outcomes = await Promise.all([...wrong, right.redemption].map((one) => store.redeem(one)));
    expect(outcomes).to.deep.equal([...wrong.map(() => null), { sessionId: right.sessionId, scope: right.sessionId }]);
  });
});

import { expect } from "chai";
import { createOAuthSessionStore, type OAuthSessionStore, type CodeConsumption } from "../../../../api/oauth/store";
import { randomId, randomToken } from "../../../../core/crypto";
import { sha256Hex } from "../../../../core/hash";
import type { FieldCipher } from "../../../../core/keys/fieldCipher";
import { ensureIndexes, type Mongo, rawCollection } from "../../../../core/mongo";
import { encryptionOn } from "../../../support/encryption";
import { testMongo } from "../../../support/servers";

const now = new Date("2026-01-01T12:00:00Z");
const later = new Date("2026-01-01T12:10:00Z");
const REDIRECT_URI = "https://shop.example/callback";

describe("codes redeemed side by side", () => {
  let mongo: Mongo;
  let store: OAuthSessionStore;
  let fields: FieldCipher;

  before(async () => {
    mongo = await testMongo("redeem");
    const deps = encryptionOn(mongo);
    fields = deps.fields;
    store = createOAuthSessionStore(deps);
    await ensureIndexes(mongo);
  });

  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  /** A verified session with a code to redeem. */
  async function verified(changes: object = {}): Promise<{ sessionId: string; consumption: CodeConsumption }> {
    const sessionId = randomId();
    const codeHash = sha256Hex(randomToken());
    await rawCollection<{ _id: string; [field: string]: unknown }>(mongo, "oauth_sessions").insertOne({
      _id: sessionId,
      clientId: "shop",
      handleHash: sha256Hex(randomToken()),
      status: "verified",
      createdAt: now,
      expiresAt: later,
      verificationId: randomId(),
      pushedRequest: null,
      claim: null,
      request: { redirectUri: REDIRECT_URI, state: null, scope: sessionId, codeChallenge: "challenge" },
      result: await fields.encrypt(
        { collection: "oauth_sessions", field: "result", id: sessionId },
        JSON.stringify({ status: "verified", claims: {} }),
      ),
      codeHash,
      codeExpiresAt: later,
      consumedAt: null,
      tokenExpiresAt: null,
      tokenRevokedAt: null,
      purgeAt: later,
      ...changes,
    });
    const tokenHash = sha256Hex(randomToken());
    const consumption = {
      clientId: "shop",
      redirectUri: REDIRECT_URI,
      codeChallenge: "challenge",
      codeHash,
      tokenHash,
      tokenExpiresAt: later,
      at: now,
    };
    return { sessionId, consumption };
  }

  it("each give the token of their own session", async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => verified()));
    const grants = await Promise.all(all.map(({ consumption }) => store.consumeCode(consumption)));
    expect(grants).to.deep.equal(all.map(({ sessionId }) => ({ sessionId, scope: sessionId })));
    for (const { sessionId, consumption } of all) {
      expect((await store.findByToken(consumption.tokenHash))?.sessionId).to.equal(sessionId);
    }
  });

  it("give one token for a code that comes many times in one exchange", async () => {
    const { consumption } = await verified();
    const tries = Array.from({ length: 64 }, () => ({ ...consumption, tokenHash: sha256Hex(randomToken()) }));
    const won = (await Promise.all(tries.map((one) => store.consumeCode(one)))).map((grant) => grant !== null);
    expect(won.filter(Boolean)).to.have.length(1);
    const winner = tries[won.indexOf(true)];
    expect((await store.findByCode(consumption.codeHash))?.tokenHash).to.equal(winner?.tokenHash);
  });

  it("are refused one by one, whatever does not fit, without harm to those beside them", async () => {
    const wrong = await Promise.all([
      verified().then(({ consumption }) => ({ ...consumption, clientId: "other" })),
      verified().then(({ consumption }) => ({ ...consumption, redirectUri: `${REDIRECT_URI}/` })),
      verified().then(({ consumption }) => ({ ...consumption, codeChallenge: null })),
      verified().then(({ consumption }) => ({ ...consumption, codeHash: sha256Hex("unknown") })),
      verified({ codeExpiresAt: now }).then(({ consumption }) => consumption),
      verified({ consumedAt: now }).then(({ consumption }) => consumption),
    ]);
    const right = await verified();
    const outcomes = await Promise.all([...wrong, right.consumption].map((one) => store.consumeCode(one)));
    expect(outcomes).to.deep.equal([...wrong.map(() => null), { sessionId: right.sessionId, scope: right.sessionId }]);
  });
});

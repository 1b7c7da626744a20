import { expect } from "chai";
import { eventually } from "../../support/eventually";
import {
  authorizeQuery,
  startVerification,
  finishUrl,
  information,
  obtainCode,
  createBrowser,
  redeem,
  readAnswer,
  setUpNonce,
  untilStatus,
} from "../../support/oauthBrowser";
import { fixture, type Fixture } from "../../support/fixture";
import { OAUTH_MODULES, type OAuthActors, startOAuthActors } from "../../support/oauthActors";

const RACERS = 64;
const racing = <T>(act: (racer: number) => Promise<T>) =>
  Promise.all(Array.from({ length: RACERS }, (_, racer) => act(racer)));

describe("the OAuth gateway, raced by 64", () => {
  let cairn: Fixture;
  let oauth: OAuthActors;

  before(async () => {
    cairn = await fixture("oauth_races", { modules: OAUTH_MODULES, workers: true });
    oauth = await startOAuthActors(cairn);
  });
  after(async () => {
    await oauth.close();
    await cairn.close();
  });

  it("redeems a code once, and the losers' tries revoke the winner's token", async () => {
    const { code, started } = await obtainCode(oauth);
    const answers = await racing(() => redeem(oauth, code));
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners).to.have.length(1);
    const losers = answers.filter(({ status }) => status !== 200);
    expect(new Set(losers.map(({ status, json }) => `${status} ${String(json["error"])}`))).to.deep.equal(
      new Set(["400 invalid_grant"]),
    );
    expect((await information(oauth, String(winners[0]!.json["access_token"]))).status).to.equal(401);
    const session = await oauth.sessions.findByVerification(started.verificationId);
    expect(session!.tokenRevokedAt).not.to.equal(null);
  });

  it("redeems a code once when two processes' clients bring it at the same moment, many times over", async () => {
    for (let round = 0; round < 8; round += 1) {
      const { code } = await obtainCode(oauth);
      const answers = await Promise.all([redeem(oauth, code), redeem(oauth, code)]);
      const [winner, ...others] = answers.filter(({ status }) => status === 200);
      expect(others).to.deep.equal([]);
      expect((await information(oauth, String(winner!.json["access_token"]))).status).to.equal(401);
    }
  });

  it("gives a session that was set up to one browser, and creates one verification", async () => {
    const nonce = await setUpNonce(oauth);
    const before = oauth.verifier.verifications.all().length;
    const answers = await racing(() =>
      createBrowser(oauth.url).get(`/authorize/${nonce}?${authorizeQuery(oauth.client)}`),
    );
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    expect(answers.filter(({ status }) => status === 409)).to.have.length(RACERS - 1);
    expect(oauth.verifier.verifications.all().length - before).to.equal(1);
  });

  it("closes a session once for 64 notifications, equal and different", async () => {
    const one = await startVerification(oauth);
    oauth.verifier.answerAsWallet(one.verificationId, "show", "lost");
    const logged = cairn.log().length;
    const answers = await racing(async (racer) =>
      readAnswer(
        await fetch(`${oauth.url}/notification`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            verification_id: one.verificationId,
            timestamp: `2026-01-01T00:00:${String(racer % 32).padStart(2, "0")}Z`,
          }),
        }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
    await untilStatus(one, "verified");
    const inbox = cairn.context.mongo.collection("webhook_inbox");
    const filter = { "facts.verificationId": one.verificationId };
    await eventually(
      "every notification finished",
      async () => (await inbox.countDocuments({ ...filter, finishedAt: null })) === 0,
    );
    // Those that came after the session was closed were not stored.
    const outcomes = (await inbox.find(filter).toArray()).map(({ outcome }) => String(outcome)).sort();
    const repeats = Array<string>(outcomes.length - 1).fill("session_already_processed");
    expect(outcomes).to.deep.equal([...repeats, "verified"]);
    expect(outcomes.length).to.be.lessThanOrEqual(32);
    const lines = cairn
      .log()
      .slice(logged)
      .split("\n")
      .filter((line) => line.includes('"msg":"verification verified"'));
    expect(lines).to.have.length(1);
    const code = (await finishUrl(one)).searchParams.get("code") ?? "";
    expect((await redeem(oauth, code)).status).to.equal(200);
  });
});

import { expect } from "chai";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import {
  answerChallenge,
  confirm,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../support/credentialActors";
import { type Fixture, fixture } from "../../support/fixture";

describe("the list of what a verifier asked for", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;
  /** The verification of each status. */
  const of: Record<string, string> = {};
  let credentialId: string;

  before(async () => {
    clock = fakeClock();
    on = await fixture("verification-list", {
      modules: ["issuers", "credentials", "verification"],
      chain: true,
      workers: true,
      clock,
    });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
    alice = await newHolder(on);
    const open = async () => {
      ({ credentialId } = await issue(on, issuer, alice, { maxUsages: 1 }));
      return requestVerification(on, verifier, credentialId);
    };
    await requestVerification(
      on,
      await newVerifier(on, "Bank"),
      (await issue(on, issuer, alice)).credentialId as string,
    );
    of["expired"] = (await open()).verificationId as string;
    clock.advance(on.context.config.verification.challengeSeconds);
    const verified = await open();
    await confirm(on, answerChallenge(verified, alice));
    of["verified"] = verified.verificationId as string;
    const failed = await open();
    await confirm(on, answerChallenge(failed, alice, await newHolder(on)));
    of["failed"] = failed.verificationId as string;
    of["declined"] = (await open()).verificationId as string;
    await on.ask("POST", `/verify/${of["declined"]}/decline`, { token: alice.token, body: {} });
    of["pending"] = (await open()).verificationId as string;
  });
  after(() => on.close());

  const list = (query: string) => on.ask("GET", `/verify?${query}`, { token: verifier.apiKey });
  const idsOf = async (query: string) => {
    const { status, body, text } = await list(query);
    expect(status, text).to.equal(200);
    return (body["verifications"] as { verificationId: string }[]).map(({ verificationId }) => verificationId);
  };

  it("is its own alone, and can be asked for by status, also one that nobody recorded yet, and by credential", async () => {
    expect(await idsOf(""))
      .to.have.members(Object.values(of))
      .and.have.length(5);
    for (const [status, id] of Object.entries(of)) expect(await idsOf(`status=${status}`), status).to.deep.equal([id]);
    expect(await idsOf(`credentialId=${credentialId}`)).to.deep.equal([of["pending"]]);
    const { body } = await list("status=failed");
    expect(body["verifications"][0]).to.include({ status: "failed", code: "verification.holder_mismatch" });
  });

  it("goes on where the page before ended, also between two of one moment", async () => {
    const found: string[] = [];
    let cursor = "";
    do {
      const { body } = await list(`limit=1${cursor}`);
      found.push(
        ...(body["verifications"] as { verificationId: string }[]).map(({ verificationId }) => verificationId),
      );
      cursor = body["next"] === null ? "" : `&cursor=${String(body["next"])}`;
    } while (cursor !== "");
    expect(found).to.deep.equal(await idsOf(""));
    expect(found.at(-1)).to.equal(of["expired"]);
    expect((await list("cursor=nonsense")).body.code).to.equal("verification.cursor_invalid");
  });
});

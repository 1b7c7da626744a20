import { expect } from "chai";
import {
  answerChallenge,
  confirm,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../support/credentialActors";
import { eventsOf } from "../../support/deviceActors";
import { eventually } from "../../support/eventually";
import { type Fixture, fixture } from "../../support/fixture";
import { startChild } from "../../support/startChild";

describe("what a holder's devices are told of credentials", () => {
  let on: Fixture;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("holder_events", {
      modules: ["issuers", "credentials", "verification", "notifications"],
      chain: true,
      workers: true,
    });
    await on.startIndexer();
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
  });
  beforeEach(async () => {
    alice = await newHolder(on);
  });
  after(() => on.close());

  const told = async (holder: TestHolder) =>
    (await eventsOf(on, holder.userId)).map(({ type, payload }) => [type, payload]);

  it("its issuing, every request, what became of it, and the use, in their order and each once", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const requested = await requestVerification(on, verifier, credentialId);
    const { verificationId } = requested as unknown as { verificationId: string };
    const answer = answerChallenge(requested, alice);
    expect((await confirm(on, answer)).status).to.equal(200);
    expect((await confirm(on, answer)).status).to.equal(200);
    expect(await told(alice)).to.deep.equal([
      ["credential.issued", { credentialId }],
      ["verification.requested", { verificationId, credentialId }],
      ["credential.used", { credentialId, verificationId }],
      ["verification.decided", { verificationId, credentialId, status: "verified" }],
    ]);
  });

  it("a failed verification, and that somebody else tried to present it", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const mallory = await newHolder(on);
    const requested = await requestVerification(on, verifier, credentialId);
    const { verificationId } = requested as unknown as { verificationId: string };
    expect((await confirm(on, answerChallenge(requested, alice, mallory))).status).to.equal(403);
    expect((await told(alice)).slice(2)).to.deep.equal([
      ["fraud.alert", { credentialId, kind: "holder_mismatch" }],
      ["verification.decided", { verificationId, credentialId, status: "failed" }],
    ]);
    expect(await told(mallory)).to.deep.equal([]);
  });

  it("its suspension, its reinstatement and its revocation, once they are final", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    for (const what of ["suspend", "reinstate", "revoke"]) {
      const body = { credentialId };
      const { jobId } = (await on.ask("POST", `/credentials/${what}`, { token: issuer.apiKey, body })).body;
      await eventually(`${what} to be final`, async () => {
        const job = await on.ask("GET", `/credentials/status-changes/${String(jobId)}`, { token: issuer.apiKey });
        return job.body["status"] === "final";
      });
    }
    expect((await told(alice)).slice(1)).to.deep.equal([
      ["credential.suspended", { credentialId }],
      ["credential.reinstated", { credentialId }],
      ["credential.revoked", { credentialId }],
    ]);
  });

  it("of 64 who confirm at once, one use and one decision", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    const answers = await Promise.all(Array.from({ length: 64 }, () => confirm(on, answer)));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
    const types = (await told(alice)).map(([type]) => type);
    expect(types).to.deep.equal([
      "credential.issued",
      "verification.requested",
      "credential.used",
      "verification.decided",
    ]);
  }).timeout(120_000);

  it("the use, when whoever took it is killed before that is recorded", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    const child = await startChild(on, { modules: ["verification"], serves: true, withChain: true, dieAt: "taken" });
    const confirming = fetch(`${child.url}/verify/confirm`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(answer),
    });
    expect(
      await confirming.then(
        () => "answered",
        () => "cut",
      ),
    ).to.equal("cut");
    expect(await child.ended).to.equal("SIGKILL");
    await eventually("the sweep", async () => (await told(alice)).length === 4);
    const types = (await told(alice)).map(([type]) => type);
    expect(types.slice(2)).to.deep.equal(["credential.used", "verification.decided"]);
    const { status } = await present(on, verifier, credentialId, alice);
    expect(status).to.equal(409);
  });
});

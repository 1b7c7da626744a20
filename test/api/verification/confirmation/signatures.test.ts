import { expect } from "chai";
import { getAddress, Signature, toBeHex } from "ethers";
import { createCredentialStore } from "../../../../api/credentials/store";
import { createUsageStore } from "../../../../api/verification/usage/store";
import { createVerificationStore } from "../../../../api/verification/store";
import type { Answer, AnswerBody } from "../../../support/ask";
import { registryAs } from "../../../support/controlActors";
import {
  adminMail,
  answerChallenge,
  confirm,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  registerAndHandOver,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../../support/credentialActors";
import { eventually } from "../../../support/eventually";
import { type FakeClock, fakeClock } from "../../../support/fakeClock";
import { ADMIN_KEY, type Fixture, fixture } from "../../../support/fixture";

const ORDER = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

/** Every way in which wallets write one signature. */
function encodingsOf(signature: string): string[] {
  const { r, s, yParity, compactSerialized } = Signature.from(signature);
  const start = `${r}${s.slice(2)}`;
  return [
    `${start}${yParity === 0 ? "1b" : "1c"}`,
    `${start}0${yParity}`,
    compactSerialized,
    `0x${signature.slice(2).toUpperCase()}`,
  ];
}

describe("the signature of a confirmation", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;
  let bob: TestHolder;

  before(async () => {
    clock = fakeClock();
    on = await fixture("confirmation-signatures", {
      modules: ["issuers", "credentials", "verification"],
      chain: true,
      workers: true,
      clock,
      config: { adminEmail: "admin@example.org" },
    });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
    alice = await newHolder(on);
    bob = await newHolder(on);
  });
  after(() => on.close());

  const stored = async (verificationId: string) => (await createVerificationStore(on.context).find(verificationId))!;
  const log = (credentialId: string) =>
    createUsageStore(on.context.mongo).list({ credentialId }, { limit: 100, before: null });
  const alertsOn = async (credentialId: string) => {
    const { body } = await on.ask("GET", "/admin/fraud-alerts?limit=200", { token: ADMIN_KEY });
    return (body["alerts"] as unknown as AnswerBody[]).filter((alert) => alert["credentialId"] === credentialId);
  };
  const codeOf = ({ status, body }: Answer) => [status, body.code];

  it("that is malformed consumes nothing, raises nothing and is no attempt: the holder's counts afterwards", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    const { r, s, yParity } = Signature.from(answer.signature);
    const start = `${r}${s.slice(2)}`;
    const twin = `${r}${toBeHex(ORDER - BigInt(s), 32).slice(2)}${yParity === 0 ? "1c" : "1b"}`;
    const malformed = [
      "",
      "0x",
      "0xZz",
      "0x1",
      start.slice(0, -2),
      `${start}1d`,
      `${start}1b1b`,
      twin,
      `0x${"00".repeat(65)}`,
      `0x${"ff".repeat(64)}1b`,
      `0x${"ab".repeat(300)}`,
    ];
    for (const signature of malformed) {
      for (const presenterDid of [alice.did, bob.did]) {
        const refused = await confirm(on, { ...answer, signature, presenterDid });
        expect(codeOf(refused), signature).to.deep.equal([400, "signature.malformed"]);
      }
    }
    expect(await log(credentialId)).to.deep.equal([]);
    expect(await alertsOn(credentialId)).to.deep.equal([]);
    expect(await stored(answer.verificationId)).to.include({ status: "pending", decision: null });
    expect((await confirm(on, answer)).status).to.equal(200);
  });

  it("gets the answer of the first in each of its encodings, raced and later, and takes one use", async () => {
    const { credentialId } = await issue(on, issuer, alice, { maxUsages: 5 });
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    const encodings = encodingsOf(answer.signature);
    const raced = Array.from({ length: 16 }, (_, at) => ({ ...answer, signature: encodings[at % encodings.length]! }));
    const [first, ...answers] = await Promise.all(raced.map((body) => confirm(on, body)));
    clock.advance(600);
    for (const signature of encodings) answers.push(await confirm(on, { ...answer, signature }));
    const { digits } = /0x(?<digits>.{40})$/.exec(alice.did)!.groups!;
    const upper = `${alice.did.slice(0, -40)}${digits!.toUpperCase()}`;
    answers.push(await confirm(on, { ...answer, presenterDid: upper }));
    const checksummed = `${alice.did.slice(0, -42)}${getAddress(alice.did.slice(-42))}`;
    answers.push(await confirm(on, { ...answer, presenterDid: checksummed }));
    for (const { status, body, text } of answers) {
      expect(status, text).to.equal(200);
      expect(body).to.deep.equal(first!.body);
    }
    expect((await createCredentialStore(on.context).find(credentialId))!.usageCount).to.equal(1);
    expect(await log(credentialId)).to.have.length(1);
  });

  it("gets the rejection of the first again, too, which is on record once", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    await present(on, verifier, credentialId, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    for (const signature of encodingsOf(answer.signature)) {
      const refused = await confirm(on, { ...answer, signature });
      expect(codeOf(refused)).to.deep.equal([409, "verification.already_used"]);
      expect(refused.body["checks"]).to.deep.include({ name: "uses_left", outcome: "fail" });
    }
    expect((await log(credentialId)).map(({ result }) => result)).to.deep.equal(["ALREADY_USED", "SUCCESS"]);
  });

  it("of another account is stored with its signer, whom the alert names, and never the holder as presenter", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice, bob);
    expect(codeOf(await confirm(on, answer))).to.deep.equal([403, "verification.holder_mismatch"]);
    const signer = bob.wallet.address.toLowerCase();
    expect((await stored(answer.verificationId)).decision).to.include({ signer });
    expect((await log(credentialId))[0]).to.include({ signer, presenterId: alice.did });
    const asBob = answerChallenge(await requestVerification(on, verifier, credentialId), bob);
    await confirm(on, asBob);
    const [alert] = await alertsOn(credentialId);
    expect(alert).to.deep.include({ signers: [signer], presenters: [bob.did], attempts: 2 });
    await eventually("mail to the administrator", async () =>
      (await adminMail(on)).some(({ text }) => text.includes(credentialId) && text.includes(`Signed by: ${signer}.`)),
    );
  });

  it("of a controller of before is a stranger's, and its account is named", async () => {
    const carol = await newHolder(on);
    const { credentialId } = await issue(on, issuer, carol);
    await registerAndHandOver(on, carol, bob);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), carol);
    expect(codeOf(await confirm(on, answer))).to.deep.equal([403, "verification.holder_mismatch"]);
    const [alert] = await alertsOn(credentialId);
    expect(alert).to.deep.include({ signers: [carol.wallet.address.toLowerCase()], presenters: [] });
    const byBob = answerChallenge(await requestVerification(on, verifier, credentialId), carol, bob);
    expect((await confirm(on, byBob)).status).to.equal(200);
  });

  it("for a deactivated DID is nobody's, which is said as such, without a fraud alert", async () => {
    const dave = await newHolder(on);
    const { credentialId } = await issue(on, issuer, dave);
    await (await (await registryAs(on, dave.wallet)).deactivateDID(dave.wallet.address)).wait();
    for (const signer of [dave, bob]) {
      const opened = await requestVerification(on, verifier, credentialId);
      const refused = await confirm(on, answerChallenge(opened, dave, signer));
      expect(codeOf(refused)).to.deep.equal([410, "verification.subject_deactivated"]);
      const seen = await on.ask("GET", `/verify/${opened["verificationId"]}`, { token: verifier.apiKey });
      expect(seen.body).to.include({ status: "failed", code: "verification.subject_deactivated" });
    }
    expect(await alertsOn(credentialId)).to.deep.equal([]);
  });

  it("tells a verifier nothing of a credential unless it is the holder's over a fresh challenge", async () => {
    const fresh = await issue(on, issuer, alice);
    const used = await issue(on, issuer, alice);
    await present(on, verifier, used["credentialId"], alice);
    const revoked = await issue(on, issuer, alice);
    const suspended = await issue(on, issuer, alice);
    for (const [path, { credentialId }] of [
      ["/credentials/revoke", revoked],
      ["/credentials/suspend", suspended],
    ] as const) {
      const asked = await on.ask("POST", path, { token: issuer.apiKey, body: { credentialId } });
      expect(asked.status, asked.text).to.equal(202);
    }
    const expired = await issue(on, issuer, alice, {
      expiresAt: new Date(clock.now().getTime() + 60_000).toISOString(),
    });
    clock.advance(120);

    /** What is told, without what differs between any two answers. */
    const told = ({ status, body }: Answer) => {
      const { verificationId: _id, requestId: _request, ...rest } = body as unknown as Record<string, unknown>;
      return { status, ...rest };
    };
    const seenBy = async (verificationId: string) =>
      told(await on.ask("GET", `/verify/${verificationId}`, { token: verifier.apiKey }));
    const strangers: object[] = [];
    const late: object[] = [];
    for (const { credentialId } of [fresh, used, revoked, suspended, expired]) {
      const request = await requestVerification(on, verifier, credentialId);
      strangers.push(told(await confirm(on, answerChallenge(request, alice, bob))));
      const { block: _block, ...seen } = (await seenBy(request["verificationId"])) as Record<string, unknown>;
      strangers[strangers.length - 1] = { answer: strangers.at(-1), seen };
      const tooLate = await requestVerification(on, verifier, credentialId);
      clock.advance(300);
      late.push(told(await confirm(on, answerChallenge(tooLate, alice))));
      clock.advance(-300);
    }
    for (const answer of strangers) expect(answer).to.deep.equal(strangers[0]);
    for (const answer of late) expect(answer).to.deep.equal(late[0]);
    expect(late[0]).to.include({ code: "verification.challenge_expired" });
  });
});

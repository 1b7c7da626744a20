import { expect } from "chai";
import { getBytes, hashMessage } from "ethers";
import { randomUUID } from "node:crypto";
import secp256k1 from "secp256k1";
import { createCredentialStore } from "../../../api/credentials/store";
import { CHECKS } from "../../../api/verification/checks";
import { createUsageStore } from "../../../api/verification/usage/store";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import type { Answer } from "../../support/ask";
import {
  adminMail,
  answerChallenge,
  confirm,
  discredit,
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
import { ADMIN_KEY, type Fixture, fixture } from "../../support/fixture";
import { eventually } from "../../support/eventually";

describe("verification", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;
  let bob: TestHolder;

  before(async () => {
    clock = fakeClock();
    on = await fixture("verification", {
      modules: ["issuers", "credentials", "verification"],
      chain: true,
      workers: true,
      clock,
      config: { adminEmail: "admin@example.org" },
    });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
  });

  // Time leaps days ahead in these tests, which no session outlives.
  beforeEach(async () => {
    alice = await newHolder(on);
    bob = await newHolder(on);
  });

  after(() => on.close());

  const stored = async (credentialId: string) => (await createCredentialStore(on.context).find(credentialId))!;
  const log = (credentialId: string) =>
    createUsageStore(on.context.mongo).list({ credentialId }, { limit: 100, before: null });

  async function expectUnused(credentialId: string, refused: Answer, status: number, code: string, check: string) {
    expect(refused.status, refused.text).to.equal(status);
    expect(refused.body.code).to.equal(code);
    const at = CHECKS.indexOf(check as (typeof CHECKS)[number]);
    expect(refused.body.checks.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal(
      CHECKS.map((_, place) => (place < at ? "pass" : place === at ? "fail" : "not_reached")),
    );
    const credential = await stored(credentialId);
    expect(credential).to.include({ status: "ACTIVE", usageCount: 0 });
    expect(credential.uses).to.deep.equal([]);
    expect((await log(credentialId)).map((entry) => `${entry.result} ${entry.code}`)).to.include(`FAILED ${code}`);
  }

  it("lets the holder present once: seven checks pass, the verifier reads what the issuer signed", async () => {
    const credential = await issue(on, issuer, alice);
    const request = await requestVerification(on, verifier, credential.credentialId);
    expect(request.challenge.message).to.include("Verifier: ACME").and.to.include(credential.credentialId);
    const confirmed = await confirm(on, answerChallenge(request, alice));
    expect(confirmed.status, confirmed.text).to.equal(200);
    expect(confirmed.body).to.include({ status: "verified", presenterDid: alice.did });
    expect(confirmed.body.checks).to.deep.equal(CHECKS.map((name) => ({ name, outcome: "pass" })));
    expect(confirmed.body.credential.claims).to.deep.equal({ name: "Alice Smith", degree: "BS Computer Science" });

    const seen = await on.ask("GET", `/verify/${request.verificationId}`, { token: verifier.apiKey });
    expect(seen.body).to.deep.equal(confirmed.body);
    expect(await stored(credential.credentialId)).to.include({ status: "USED", usageCount: 1 });
    const entries = await log(credential.credentialId);
    expect(entries).to.have.length(1);
    expect(entries[0]).to.include({ result: "SUCCESS", presenterId: alice.did, verifierName: "ACME", reason: "" });
  });

  it("gives the very confirmation that won the same answer again, and takes no second use", async () => {
    const credential = await issue(on, issuer, alice, { maxUsages: 5 });
    const answer = answerChallenge(await requestVerification(on, verifier, credential.credentialId), alice);
    const answers = await Promise.all(Array.from({ length: 16 }, () => confirm(on, answer)));
    expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 200));
    for (const { body } of answers) expect(body).to.deep.equal(answers[0]!.body);
    clock.advance(600);
    expect((await confirm(on, answer)).body).to.deep.equal(answers[0]!.body);
    expect((await stored(credential.credentialId)).usageCount).to.equal(1);
    expect(await log(credential.credentialId)).to.have.length(1);
  });

  it("refuses a second use, saying when the first was, and raises an alert", async () => {
    const credential = await issue(on, issuer, alice);
    clock.set(new Date("2100-12-08T14:35:00.000Z"));
    await present(on, verifier, credential.credentialId, alice);
    clock.advance(300);
    const refused = await present(on, verifier, credential.credentialId, alice);
    expect(refused.status).to.equal(409);
    expect(refused.body).to.include({
      code: "verification.already_used",
      detail: "Already used on 8 Dec 2100 at 14:35 UTC.",
    });
    expect((await stored(credential.credentialId)).usageCount).to.equal(1);
    expect((await log(credential.credentialId))[0]).to.include({ result: "ALREADY_USED" });
    await eventually("mail to the administrator", async () =>
      (await adminMail(on)).some(
        ({ subject, text }) => subject === "A used credential was presented" && text.includes(credential.credentialId),
      ),
    );
  });

  it("lets a credential of several uses be used just so often", async () => {
    const credential = await issue(on, issuer, alice, { maxUsages: 2 });
    for (let use = 0; use < 2; use += 1) {
      const confirmed = await present(on, verifier, credential.credentialId, alice);
      expect(confirmed.status, confirmed.text).to.equal(200);
    }
    const refused = await present(on, verifier, credential.credentialId, alice);
    expect(refused.body.code).to.equal("verification.already_used");
    expect(await stored(credential.credentialId)).to.include({ status: "USED", usageCount: 2 });
  });

  describe("each check alone", () => {
    it("3: refuses when the chain does not accredit the issuer", async () => {
      const other = await newIssuer(on);
      const { credentialId } = await issue(on, other, alice);
      await discredit(on, other.address);
      const refused = await present(on, verifier, credentialId, alice);
      await expectUnused(credentialId, refused, 403, "verification.issuer_not_accredited", "known_issuer");
    });

    it("4: refuses a credential whose signature is not the issuer's", async () => {
      const { credentialId, jwt } = await issue(on, issuer, alice);
      const [header, payload = "", signature] = jwt.split(".");
      const forged = JSON.parse(Buffer.from(payload, "base64url").toString());
      forged.credentialSubject.degree = "PhD";
      const credential = [header, Buffer.from(JSON.stringify(forged)).toString("base64url"), signature].join(".");
      const opened = await on.ask("POST", "/verify", { token: verifier.apiKey, body: { credential } });
      const refused = await confirm(on, answerChallenge(opened.body, alice));
      await expectUnused(credentialId, refused, 403, "verification.issuer_signature_invalid", "issuer_signature");
    });

    it("4: refuses a credential that was changed in the database", async () => {
      const { credentialId } = await issue(on, issuer, alice);
      await on.context.mongo
        .db!.collection<{ _id: string }>("credentials")
        .updateOne({ _id: credentialId }, { $set: { subjectDid: bob.did } });
      const refused = await present(on, verifier, credentialId, bob);
      await expectUnused(credentialId, refused, 403, "verification.issuer_signature_invalid", "issuer_signature");
    });

    it("5: refuses an expired credential", async () => {
      const expiresAt = new Date(clock.now().getTime() + 60_000).toISOString();
      const { credentialId } = await issue(on, issuer, alice, { expiresAt });
      const request = await requestVerification(on, verifier, credentialId);
      clock.advance(60);
      await expectUnused(
        credentialId,
        await confirm(on, answerChallenge(request, alice)),
        410,
        "verification.credential_expired",
        "not_expired",
      );
    });

    it("6: refuses as soon as the issuer has asked for the revocation, and once the chain shows it", async () => {
      const { credentialId } = await issue(on, issuer, alice);
      const before = await requestVerification(on, verifier, credentialId);
      const after = await requestVerification(on, verifier, credentialId);
      const revoked = await on.ask("POST", "/credentials/revoke", { token: issuer.apiKey, body: { credentialId } });
      expect(revoked.status).to.equal(202);
      await expectUnused(
        credentialId,
        await confirm(on, answerChallenge(before, alice)),
        410,
        "verification.credential_revoked",
        "not_revoked",
      );
      await eventually("the revocation to be mined", async () => {
        const { body } = await on.ask("GET", `/credentials/status-changes/${revoked.body.jobId}`, {
          token: issuer.apiKey,
        });
        return body.status === "mined";
      });
      await on.context.mongo
        .db!.collection<{ _id: string }>("credentials")
        .updateOne({ _id: credentialId }, { $set: { hold: null } });
      await expectUnused(
        credentialId,
        await confirm(on, answerChallenge(after, alice)),
        410,
        "verification.credential_revoked",
        "not_revoked",
      );
    });

    it("7: refuses when no use is left", async () => {
      const { credentialId } = await issue(on, issuer, alice);
      await present(on, verifier, credentialId, alice);
      const refused = await present(on, verifier, credentialId, alice);
      expect(refused.body.checks.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal([
        "pass",
        "pass",
        "pass",
        "pass",
        "pass",
        "pass",
        "fail",
      ]);
    });

    it("1: refuses Bob with Alice's credential, whoever he says he is, and raises an alert", async () => {
      const { credentialId } = await issue(on, issuer, alice);
      for (const [presenter, signer] of [
        [bob, bob],
        [alice, bob],
        [bob, alice],
      ] as const) {
        const refused = await confirm(
          on,
          answerChallenge(await requestVerification(on, verifier, credentialId), presenter, signer),
        );
        await expectUnused(credentialId, refused, 403, "verification.holder_mismatch", "holder_signature");
        expect(refused.body.detail).to.equal("This credential was issued to another holder.");
      }
      expect((await log(credentialId))[0]).to.include({ reason: "Holder mismatch", ipAddress: "127.0.0.1" });
      const { body } = await on.ask("GET", "/admin/fraud-alerts", { token: ADMIN_KEY });
      const alert = body.alerts.find((found: { credentialId: string }) => found.credentialId === credentialId);
      expect(alert).to.include({ kind: "holder_mismatch", attempts: 3 });
      const mails = async () => (await adminMail(on)).filter(({ text }) => text.includes(credentialId));
      await eventually("mail to the administrator", async () => (await mails()).length > 0);
      expect((await mails()).map(({ subject }) => subject)).to.deep.equal(["A credential was presented by another"]);
    });

    it("2: refuses an answer after five minutes, and one to a challenge that was answered before", async () => {
      const late = await issue(on, issuer, alice);
      const request = await requestVerification(on, verifier, late.credentialId);
      clock.advance(300);
      await expectUnused(
        late.credentialId,
        await confirm(on, answerChallenge(request, alice)),
        410,
        "verification.challenge_expired",
        "challenge_fresh",
      );

      const { credentialId } = await issue(on, issuer, alice);
      const answered = await requestVerification(on, verifier, credentialId);
      await confirm(on, answerChallenge(answered, bob));
      await expectUnused(
        credentialId,
        await confirm(on, answerChallenge(answered, alice)),
        409,
        "verification.challenge_consumed",
        "challenge_fresh",
      );
    });
  });

  it("takes one use for one challenge, however many signatures answer it", async () => {
    const { credentialId } = await issue(on, issuer, alice, { maxUsages: 100 });
    const request = await requestVerification(on, verifier, credentialId);
    const digestOf = (extra: number) => {
      // Another valid signature over the same text: with a nonce of another derivation.
      const { verificationId, presenterDid } = answerChallenge(request, alice);
      return { verificationId, presenterDid, signature: signAgain(alice, request.challenge.message, extra) };
    };
    const answers = await Promise.all(Array.from({ length: 16 }, (_, extra) => confirm(on, digestOf(extra))));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    for (const { status, body } of answers)
      if (status !== 200) expect(body.code).to.equal("verification.challenge_consumed");
    expect((await stored(credentialId)).usageCount).to.equal(1);
  });

  it("refuses to open a verification of a credential that does not exist, and to show another verifier's", async () => {
    const unknown = await on.ask("POST", "/verify", { token: verifier.apiKey, body: { credentialId: randomUUID() } });
    expect(unknown.body.code).to.equal("credential.unknown");
    const { credentialId } = await issue(on, issuer, alice);
    const { verificationId } = await requestVerification(on, verifier, credentialId);
    const other = await newVerifier(on, "Other");
    expect((await on.ask("GET", `/verify/${verificationId}`, { token: other.apiKey })).body.code).to.equal(
      "verification.unknown",
    );
  });

  it("shows a request to the holder alone, and keeps the verifier waiting until it is decided", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const opened = await requestVerification(on, verifier, credentialId);
    const path = `/verify/request?credentialId=${credentialId}`;
    const request = await on.ask("GET", path, { token: alice.token });
    expect(request.body).to.include({ verificationId: opened.verificationId, challenge: opened.challenge.message });
    expect(request.body.verifier.name).to.equal("ACME");
    expect((await on.ask("GET", path, { token: bob.token })).body.code).to.equal("credential.unknown");

    const waiting = on.ask("GET", `/verify/${opened.verificationId}?waitSeconds=20`, { token: verifier.apiKey });
    await confirm(on, answerChallenge(opened, alice));
    expect((await waiting).body.status).to.equal("verified");
    expect((await on.ask("GET", path, { token: alice.token })).body.code).to.equal("verification.none_pending");
  });

  it("tells each reader of the log what is theirs: holder, issuer, administrator", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    await present(on, verifier, credentialId, bob);
    const holder = await on.ask("GET", `/credentials/${credentialId}/usage`, { token: alice.token });
    expect(holder.body.entries).to.have.length(1);
    expect(holder.body.entries[0])
      .to.include({ verifierName: "ACME", result: "FAILED" })
      .and.not.to.have.property("ipAddress");
    expect((await on.ask("GET", `/credentials/${credentialId}/usage`, { token: bob.token })).status).to.equal(404);
    const issued = await on.ask("GET", `/issuer/usage?credentialId=${credentialId}`, { token: issuer.apiKey });
    expect(issued.body.entries).to.have.length(1);
    await present(on, verifier, credentialId, alice);
    const first = await on.ask("GET", `/admin/usage?limit=1&credentialId=${credentialId}`, { token: ADMIN_KEY });
    expect(first.body.entries[0]).to.have.property("ipAddress");
    const second = await on.ask("GET", `/admin/usage?limit=1&credentialId=${credentialId}&cursor=${first.body.next}`, {
      token: ADMIN_KEY,
    });
    const results = [...first.body.entries, ...second.body.entries].map(({ result }: { result: string }) => result);
    expect(results).to.have.members(["SUCCESS", "FAILED"]);
  });
});

/** ECDSA has as many signatures as nonces: here is one by a nonce of the test's choice. */
function signAgain(holder: TestHolder, message: string, extra: number): string {
  const nonce = Buffer.alloc(32, extra + 1);
  const noncefn = () => nonce;
  const digest = getBytes(hashMessage(message));
  const { signature, recid } = secp256k1.ecdsaSign(digest, getBytes(holder.wallet.privateKey), { noncefn });
  return `0x${Buffer.from(signature).toString("hex")}${recid === 1 ? "1c" : "1b"}`;
}

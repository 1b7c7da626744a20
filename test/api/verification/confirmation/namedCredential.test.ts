import { expect } from "chai";
import { type FakeClock, fakeClock } from "../../../support/fakeClock";
import {
  answerChallenge,
  confirm,
  deployContractWallet,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../../support/credentialActors";
import { type Fixture, fixture } from "../../../support/fixture";

describe("a confirmation that names the credential", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let other: TestVerifier;
  let alice: TestHolder;
  let bob: TestHolder;

  before(async () => {
    clock = fakeClock();
    on = await fixture("named-credential", {
      modules: ["issuers", "credentials", "verification"],
      chain: true,
      workers: true,
      clock,
    });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
    other = await newVerifier(on, "Bank");
    alice = await newHolder(on);
    bob = await newHolder(on);
  });
  after(() => on.close());

  const statusOf = async (of: TestVerifier, verificationId: string) =>
    (await on.ask("GET", `/verify/${verificationId}`, { token: of.apiKey })).body["status"];

  it("answers the newest open request, opened under either path, by id or by JWT, without saying who presents", async () => {
    for (const form of ["credentialId", "credential"] as const) {
      const { credentialId, jwt: credential } = await issue(on, issuer, alice);
      const opened = await on.ask("POST", "/credentials/verify", { token: verifier.apiKey, body: { credentialId } });
      expect(opened.status, opened.text).to.equal(201);
      const request = opened.body;
      const { signature } = answerChallenge(request, alice);
      const named = form === "credentialId" ? { credentialId } : { credential };
      const confirmed = await confirm(on, { ...named, signature });
      expect(confirmed.status, confirmed.text).to.equal(200);
      expect(confirmed.body).to.include({ verificationId: request.verificationId, presenterDid: alice.did });
      expect(await statusOf(verifier, request.verificationId)).to.equal("verified");
    }
  });

  it("gets its first answer again, a rejection as well", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const first = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    const second = answerChallenge(await requestVerification(on, other, credentialId), alice);
    const passed = await confirm(on, { credentialId, signature: first.signature });
    expect(passed.status, passed.text).to.equal(200);
    const refused = await confirm(on, { credentialId, signature: second.signature });
    expect(refused.body.code).to.equal("verification.already_used");
    clock.advance(1);
    expect((await confirm(on, { credentialId, signature: first.signature })).body).to.deep.equal(passed.body);
    expect((await confirm(on, { credentialId, signature: second.signature })).body.code).to.equal(refused.body.code);
  });

  it("answers the request that was signed, when another came in between", async () => {
    const { credentialId } = await issue(on, issuer, alice, { maxUsages: 2 });
    const request = await requestVerification(on, verifier, credentialId);
    const { signature } = answerChallenge(request, alice);
    const later = await requestVerification(on, other, credentialId);
    const confirmed = await confirm(on, { credentialId, signature });
    expect(confirmed.body["verificationId"], confirmed.text).to.equal(request.verificationId);
    expect(await statusOf(other, later.verificationId)).to.equal("pending");
  });

  it("takes one use when 64 come at once", async () => {
    const { credentialId } = await issue(on, issuer, alice, { maxUsages: 64 });
    const { signature } = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    const answers = await Promise.all(Array.from({ length: 64 }, () => confirm(on, { credentialId, signature })));
    for (const { status, body } of answers)
      expect({ status, ...body }).to.deep.equal({ status: 200, ...answers[0]!.body });
    const { body } = await on.ask("GET", `/credentials/${credentialId}`, { token: alice.token });
    expect(body["usageCount"]).to.equal(1);
  });

  it("decides nothing when it answers no request: a stranger who knows the id ends none", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const request = await requestVerification(on, verifier, credentialId);
    const foreign = await bob.wallet.signMessage("something else");
    for (const signature of [foreign, await alice.wallet.signMessage("something else")]) {
      const refused = await confirm(on, { credentialId, signature });
      expect(refused.status, refused.text).to.equal(403);
      expect(refused.body.code).to.equal("verification.holder_mismatch");
    }
    expect((await confirm(on, { credentialId, signature: `0x${"00".repeat(65)}` })).body.code).to.equal(
      "signature.malformed",
    );
    expect(await statusOf(verifier, request.verificationId)).to.equal("pending");
  });

  it("is refused, and the request ends, when somebody else presents it as theirs", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const request = await requestVerification(on, verifier, credentialId);
    const { signature } = answerChallenge(request, bob);
    const refused = await confirm(on, { credentialId, signature, presenterDid: bob.did });
    expect(refused.body.code, refused.text).to.equal("verification.holder_mismatch");
    expect(await statusOf(verifier, request.verificationId)).to.equal("failed");
  });

  it("finds what a contract wallet signed, among several requests", async () => {
    const account = await deployContractWallet(on, alice.wallet.address);
    const subjectDid = alice.did.replace(/0x.*/, account);
    const { credentialId } = await issue(on, issuer, alice, { subjectDid });
    const request = await requestVerification(on, verifier, credentialId);
    await requestVerification(on, other, credentialId);
    const { signature } = answerChallenge(request, alice);
    const confirmed = await confirm(on, { credentialId, signature });
    expect(confirmed.status, confirmed.text).to.equal(200);
    expect(confirmed.body).to.include({ verificationId: request.verificationId, presenterDid: subjectDid });
  });

  it("says what is missing or wrong about the names", async () => {
    const { credentialId, jwt: credential } = await issue(on, issuer, alice);
    const signature = await alice.wallet.signMessage("x");
    const code = async (body: object) => (await confirm(on, { signature, ...body })).body.code;
    expect(await code({ credentialId })).to.equal("verification.none_pending");
    expect(await code({ credentialId: "7b0cbd9e-2c1b-4a36-8b52-9d3c5ad3a4d5" })).to.equal("credential.unknown");
    expect(await code({ credential: "no.jwt.atall" })).to.equal("credential.unknown");
    const tampered = `${String(credential).slice(0, -2)}${String(credential).endsWith("AA") ? "BB" : "AA"}`;
    expect(await code({ credential: tampered })).to.equal("credential.altered");
    expect(await code({})).to.equal("request.invalid");
    expect(await code({ credentialId, credential })).to.equal("request.invalid");
  });
});

describe("the list of a holder's credentials", () => {
  it("takes the caller's own id, and no other's", async () => {
    const on = await fixture("own-list", { modules: ["credentials"], chain: true });
    const alice = await newHolder(on);
    const list = (userId: string) => on.ask("GET", `/credentials?userId=${userId}`, { token: alice.token });
    expect((await list(alice.userId)).status).to.equal(200);
    const refused = await list((await newHolder(on)).userId);
    expect([refused.status, refused.body.code]).to.deep.equal([403, "credential.not_own"]);
    await on.close();
  });
});

import { expect } from "chai";
import type { AnswerBody } from "../../support/ask";
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
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import { type Fixture, fixture } from "../../support/fixture";

describe("open verifications", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let alice: TestHolder;

  before(async () => {
    clock = fakeClock();
    on = await fixture("verification-quotas", {
      modules: ["issuers", "credentials", "verification"],
      chain: true,
      workers: true,
      clock,
      config: { verification: { maxOpen: 6, maxOpenPerCredential: 3 } },
    });
    issuer = await newIssuer(on);
  });
  beforeEach(async () => {
    alice = await newHolder(on);
  });
  after(() => on.close());

  const open = ({ apiKey }: TestVerifier, credentialId: string) =>
    on.ask("POST", "/verify", { token: apiKey, body: { credentialId } });
  const newCredential = async () => (await issue(on, issuer, alice))["credentialId"] as unknown as string;

  it("have a quota for each verifier and credential, which sixteen at once do not pass, and which answers free", async () => {
    const verifier = await newVerifier(on);
    const credentialId = await newCredential();
    const answers = await Promise.all(Array.from({ length: 16 }, () => open(verifier, credentialId)));
    expect(answers.filter(({ status }) => status === 201).length).to.be.at.most(3);
    for (const { status, body, headers } of answers.filter((answer) => answer.status !== 201)) {
      expect([status, body.code]).to.deep.equal([429, "verification.too_many_open"]);
      expect(headers.get("retry-after")).to.equal("300");
    }
    const other = await newVerifier(on, "Other");
    const requests: AnswerBody[] = [];
    for (let number = 0; number < 3; number += 1) requests.push(await requestVerification(on, other, credentialId));
    expect((await open(other, credentialId)).body.code).to.equal("verification.too_many_open");
    expect((await confirm(on, answerChallenge(requests[0]!, alice))).status).to.equal(200);
    expect((await open(other, credentialId)).status).to.equal(201);
  });

  it("have a quota for each verifier, whatever the credential, until they are over", async () => {
    const verifier = await newVerifier(on);
    const credentials = [await newCredential(), await newCredential(), await newCredential()];
    for (const credentialId of [...credentials.slice(0, 2), ...credentials.slice(0, 2), ...credentials.slice(0, 2)]) {
      expect((await open(verifier, credentialId)).status).to.equal(201);
    }
    expect((await open(verifier, credentials[2]!)).body.code).to.equal("verification.too_many_open");
    clock.advance(300);
    expect((await open(verifier, credentials[2]!)).status).to.equal(201);
  });

  it("are shown to the holder in turns, so that no verifier hides another's", async () => {
    const credentialId = await newCredential();
    const quiet = await requestVerification(on, await newVerifier(on, "Quiet"), credentialId);
    const loud = await newVerifier(on, "Loud");
    for (let number = 0; number < 3; number += 1) {
      clock.advance(1);
      await requestVerification(on, loud, credentialId);
    }
    const { body } = await on.ask("GET", `/verify/request?credentialId=${credentialId}`, { token: alice.token });
    const [second] = body["others"] as unknown as AnswerBody[];
    expect((body["verifier"] as unknown as { name: string }).name).to.equal("Loud");
    expect(second!["verificationId"]).to.equal(quiet["verificationId"]);
  });
});

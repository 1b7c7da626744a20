import { expect } from "chai";
import type { Answer } from "../../support/ask";
import {
  issue,
  newHolder,
  newIssuer,
  registerAndHandOver,
  revokeDirectly,
  type TestHolder,
  type TestIssuer,
} from "../../support/credentialActors";
import { controllerKeyOf } from "../../support/presentations/jwtVcWallet";
import { type Asked, type RelyingParty, relyingParty } from "../../support/presentations/relyingParty";
import { type JoseKey, joseKey, present } from "../../support/presentations/sdJwtWallet";
import { submit } from "../../support/presentations/wallet";

describe("a dc+sd-jwt of this registry, presented", () => {
  let relying: RelyingParty;
  let issuer: TestIssuer;
  let alice: TestHolder;

  before(async () => {
    relying = await relyingParty("own-sd-jwt", {
      modules: ["issuers", "credentials", "verification", "presentations"],
      chain: true,
      workers: true,
    });
    issuer = await newIssuer(relying.on);
    alice = await newHolder(relying.on);
  });
  after(() => relying.close());

  for (const alg of ["ES256", "ES256K", "EdDSA"] as const) {
    it(`is accepted by the ${alg} key that it was issued to, and shows the claims asked for`, async () => {
      const key = joseKey(alg);
      const { jwt } = await issued({ holderKey: key.jwk });
      await expectValid(await presentAs(key, jwt));
    });
  }

  it("is accepted by the controller of the subject's DID where no key is named, and by nobody else", async () => {
    const { jwt } = await issued({});
    await expectValid(await presentAs(controllerKeyOf(alice), jwt));
    const byBob = await presentAs(controllerKeyOf(await newHolder(relying.on)), jwt);
    expect(byBob.submitted.status, byBob.submitted.text).to.equal(400);
  });

  it("is the new controller's to present once the subject's DID was handed over", async () => {
    const [carol, heir] = [await newHolder(relying.on), await newHolder(relying.on)];
    const { jwt } = await issued({ subjectDid: carol.did });
    await registerAndHandOver(relying.on, carol, heir);
    expect((await presentAs(controllerKeyOf(carol), jwt)).submitted.status).to.equal(400);
    await expectValid(await presentAs(controllerKeyOf(heir), jwt));
  });

  it("is refused once it is revoked on the chain, whether or not a list says so yet", async () => {
    const key = joseKey();
    const { jwt, credId } = await issued({ holderKey: key.jwk });
    await expectValid(await presentAs(key, jwt));
    await revokeDirectly(relying.on, issuer, credId);
    const { asked, submitted } = await presentAs(key, jwt);
    expect(submitted.status, submitted.text).to.equal(200);
    const { body } = await relying.result(asked.transactionId);
    expect(body).to.include({ vpResultStatus: "FAILED", result: "invalid", reason: "credential_revoked" });
  });

  async function issued(over: object): Promise<{ jwt: string; credId: string }> {
    const { jwt, credId } = await issue(relying.on, issuer, alice, { format: "dc+sd-jwt", ...over });
    return { jwt: jwt as string, credId: credId as string };
  }

  async function presentAs(holder: JoseKey, credential: string): Promise<{ asked: Asked; submitted: Answer }> {
    const vct = `${relying.on.url}/credential-types/${issuer.address}/EducationCredential`;
    const query = { id: "degree", format: "dc+sd-jwt", meta: { vct_values: [vct] }, claims: [{ path: ["degree"] }] };
    const asked = await relying.ask({ dcqlQuery: { credentials: [query] } });
    const { client_id: aud, nonce } = asked.request.claims;
    const now = relying.on.context.clock.now();
    const presentation = present({ issuer: holder, holder, credential }, now, {
      disclose: ["degree"],
      kb: { aud, nonce },
    });
    return { asked, submitted: await submit(asked.request, { degree: [presentation] }) };
  }

  async function expectValid({ asked, submitted }: { asked: Asked; submitted: Answer }): Promise<void> {
    expect(submitted.status, submitted.text).to.equal(200);
    const { body } = await relying.result(asked.transactionId);
    expect(body).to.include({ vpResultStatus: "SUCCESS", result: "valid", reason: null });
    const [shown] = body["verificationDetails"].credentials;
    expect(shown).to.include({ format: "dc+sd-jwt", issuer: issuer.did });
    expect(shown.claims).to.deep.equal({ degree: "BS Computer Science" });
  }
});

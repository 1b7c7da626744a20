import { expect } from "chai";
import { createPresentationStore } from "../../../api/presentations/store";
import type { Answer } from "../../support/ask";
import {
  accredit,
  discredit,
  issue,
  newHolder,
  newIssuer,
  registerAndHandOver,
  revokeDirectly,
  suspendDirectly,
  type TestHolder,
  type TestIssuer,
} from "../../support/credentialActors";
import { controllerKeyOf, jwtVcQuery, presentJwtVc } from "../../support/presentations/jwtVcWallet";
import { type Asked, type RelyingParty, relyingParty } from "../../support/presentations/relyingParty";
import { submit } from "../../support/presentations/wallet";
import { type NodeProxy, startNodeProxy } from "../../support/nodeProxy";

const TYPE = "EducationCredential";

for (const algorithm of ["EdDSA", "ES256"] as const) {
  describe(`a credential of this registry, signed with ${algorithm}, presented as jwt_vc_json`, () => {
    let node: NodeProxy;
    let relying: RelyingParty;
    let issuer: TestIssuer;
    let alice: TestHolder;

    before(async () => {
      node = await startNodeProxy();
      relying = await relyingParty("presented-on-chain", {
        modules: ["issuers", "credentials", "verification", "presentations"],
        chain: { rpcUrl: node.url },
        workers: true,
      });
      issuer = await newIssuer(relying.on, algorithm);
      alice = await newHolder(relying.on);
    });
    after(async () => {
      await relying.close();
      node.close();
    });

    it("is accepted when the subject DID's controller proves itself with ES256K", async () => {
      const { credential } = await issued();
      const { asked, submitted } = await present(credential, alice);
      expect(submitted.status, submitted.text).to.equal(200);
      const { body } = await relying.result(asked.transactionId);
      expect(body).to.include({ vpResultStatus: "SUCCESS", result: "valid", reason: null });
      const [shown] = body["verificationDetails"].credentials;
      expect(shown).to.include({ format: "jwt_vc_json", issuer: issuer.did });
      expect(shown.claims).to.deep.equal({ credentialSubject: { degree: "BS Computer Science" } });
    });

    it("is no answer when another holder proves itself", async () => {
      const { credential } = await issued();
      const bob = await newHolder(relying.on);
      const { asked, submitted } = await present(credential, bob, alice.did);
      expect(submitted.status, submitted.text).to.equal(400);
      await expectOpen(asked);
      const asBob = await present(credential, bob);
      expect(asBob.submitted.status, asBob.submitted.text).to.equal(400);
    });

    it("is refused when it is revoked on the chain, whether or not the index has seen it", async () => {
      const { credential, credId } = await issued();
      await revokeDirectly(relying.on, issuer, credId);
      await expectInvalid(await present(credential, alice), "credential_revoked");
    });

    it("is refused while it is suspended on the chain", async () => {
      const { credential, credId } = await issued();
      await suspendDirectly(relying.on, issuer, { credId, suspended: true });
      await expectInvalid(await present(credential, alice), "credential_suspended");
      await suspendDirectly(relying.on, issuer, { credId, suspended: false });
      expect((await present(credential, alice)).submitted.status).to.equal(200);
    });

    it("is refused while its issuer is discredited", async () => {
      const { credential } = await issued();
      await discredit(relying.on, issuer.address);
      await expectInvalid(await present(credential, alice), "issuer_not_trusted");
      await accredit(relying.on, issuer.address);
      expect((await present(credential, alice)).submitted.status).to.equal(200);
    });

    it("is the new controller's to present once its holder's DID was handed over", async () => {
      const carol = await newHolder(relying.on);
      const heir = await newHolder(relying.on);
      const { credential } = await issued(carol);
      await registerAndHandOver(relying.on, carol, heir);
      const byCarol = await present(credential, carol);
      expect(byCarol.submitted.status, byCarol.submitted.text).to.equal(400);
      await expectOpen(byCarol.asked);
      const byHeir = await present(credential, heir, carol.did);
      expect(byHeir.submitted.status, byHeir.submitted.text).to.equal(200);
    });

    it("is not decided while the chain cannot be asked: 503, and nothing is written", async () => {
      const { credential } = await issued();
      const asked = await relying.ask({ dcqlQuery: jwtVcQuery(TYPE, ["credentialSubject", "degree"]) });
      node.closed = true;
      try {
        const submitted = await submit(asked.request, tokenOf(credential, asked, alice));
        expect(submitted.status, submitted.text).to.equal(503);
        await expectOpen(asked, 0);
      } finally {
        node.closed = false;
      }
      const again = await submit(asked.request, tokenOf(credential, asked, alice));
      expect(again.status, again.text).to.equal(200);
    });

    async function issued(holder = alice): Promise<{ credential: string; credId: string }> {
      const { jwt, credId } = await issue(relying.on, issuer, holder);
      return { credential: jwt as string, credId: credId as string };
    }

    function tokenOf(credential: string, { request }: Asked, signer: TestHolder, did = signer.did) {
      const now = relying.on.context.clock.now();
      return presentJwtVc(credential, request, { did, key: controllerKeyOf(signer), kid: `${did}#controller`, now });
    }

    async function present(credential: string, signer: TestHolder, did = signer.did) {
      const asked = await relying.ask({ dcqlQuery: jwtVcQuery(TYPE, ["credentialSubject", "degree"]) });
      return { asked, submitted: await submit(asked.request, tokenOf(credential, asked, signer, did)) };
    }

    async function expectOpen({ requestId }: Asked, attempts = 1): Promise<void> {
      const request = await createPresentationStore(relying.on.context).find(requestId);
      expect(request).to.include({ status: "ACTIVE", attempts, verdict: null, credentials: null });
    }

    async function expectInvalid(answered: { asked: Asked; submitted: Answer }, reason: string): Promise<void> {
      expect(answered.submitted.status, answered.submitted.text).to.equal(200);
      const { body } = await relying.result(answered.asked.transactionId);
      expect(body).to.include({ vpResultStatus: "FAILED", result: "invalid", reason });
      expect(body["verificationDetails"].credentials).to.deep.equal([]);
    }
  });
}

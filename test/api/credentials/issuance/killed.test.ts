import { expect } from "chai";
import { createOfferStore } from "../../../../api/credentials/offers/store";
import { createCredentialStore } from "../../../../api/credentials/store";
import type { Answer } from "../../../support/ask";
import type { CrashPoint } from "../../../support/crashPoints";
import { newHolder, newIssuer, type TestHolder, type TestIssuer } from "../../../support/credentialActors";
import { type Fixture, fixture } from "../../../support/fixture";
import {
  fetchCredential,
  nonceOf,
  offer,
  type Offered,
  proofOf,
  redeem,
  tokenOf,
} from "../../../support/issuance/wallet";
import { joseKey } from "../../../support/presentations/sdJwtWallet";
import { startChild } from "../../../support/startChild";

/** Every moment around the write that takes a code, and whether it is taken by then. */
const AROUND_THE_CODE: { moment: string; crash: CrashPoint; taken: boolean }[] = [
  {
    moment: "right before the code is taken",
    crash: { mongo: "update credential_offers", when: "before", nth: 1 },
    taken: false,
  },
  {
    moment: "right after the code was taken",
    crash: { mongo: "update credential_offers", when: "after", nth: 1 },
    taken: true,
  },
];

/** Every moment between a proof and its answer, and whether the credential is stored by then. */
const AROUND_THE_CREDENTIAL: { moment: string; crash: CrashPoint; stored: boolean }[] = [
  {
    moment: "before the nonce is consumed",
    crash: { mongo: "insert issuance_nonces", when: "before", nth: 1 },
    stored: false,
  },
  {
    moment: "after the nonce was consumed",
    crash: { mongo: "insert issuance_nonces", when: "after", nth: 1 },
    stored: false,
  },
  {
    moment: "after the key was bound",
    crash: { mongo: "update credential_offers", when: "after", nth: 1 },
    stored: false,
  },
  {
    moment: "before the credential is stored",
    crash: { mongo: "insert credentials", when: "before", nth: 1 },
    stored: false,
  },
  {
    moment: "after the credential was stored",
    crash: { mongo: "insert credentials", when: "after", nth: 1 },
    stored: true,
  },
  {
    moment: "before the offer is closed",
    crash: { mongo: "update credential_offers", when: "before", nth: 2 },
    stored: true,
  },
  {
    moment: "after the offer was closed",
    crash: { mongo: "update credential_offers", when: "after", nth: 2 },
    stored: true,
  },
];

describe("an API process that is killed while it issues into a wallet", () => {
  let on: Fixture;
  let issuer: TestIssuer;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("issuance-kills", { modules: ["issuers", "credentials"], chain: true, workers: true });
    issuer = await newIssuer(on);
    alice = await newHolder(on);
  });
  after(() => on.close());

  for (const { moment, crash, taken } of AROUND_THE_CODE) {
    it(`${moment}, leaves ${taken ? "a code that is named as used" : "the code good"}, and no credential`, async () => {
      const made = await offer(on, issuer, alice);
      await killWith(crash, (elsewhere) => redeem(elsewhere(made)));
      const again = await redeem(made);
      expect(again.status, again.text).to.equal(taken ? 400 : 200);
      if (taken) expect(again.body["error"]).to.equal("invalid_grant");
      expect(await createCredentialStore(on.context).find(made.offerId)).to.equal(null);
      const renewed = await offer(on, issuer, alice);
      expect((await redeem(renewed)).status).to.equal(200);
    });
  }

  for (const { moment, crash, stored } of AROUND_THE_CREDENTIAL) {
    it(`${moment}, has the wallet go on with a fresh nonce: one credential, bound to its key`, async () => {
      const made = await offer(on, issuer, alice);
      const token = await tokenOf(made);
      const key = joseKey();
      const prove = async () => proofOf(key, made, { nonce: await nonceOf(made), now: on.context.clock.now() });
      const proof = await prove();
      await killWith(crash, (elsewhere) => fetchCredential(elsewhere(made), token, proof));
      const left = await createCredentialStore(on.context).find(made.offerId);
      expect(left !== null).to.equal(stored);
      const fetched = await fetchCredential(made, token, await prove());
      expect(fetched.status, fetched.text).to.equal(200);
      const [{ credential }] = fetched.body["credentials"];
      if (left !== null) expect(credential).to.equal(left.jwt);
      const payload = JSON.parse(Buffer.from(credential.split(".")[1], "base64url").toString("utf8"));
      expect(payload.cnf).to.deep.equal({ jwk: key.jwk });
      const kept = await createCredentialStore(on.context).find(made.offerId);
      expect(kept).to.deep.include({ jwt: credential, status: "ACTIVE", usageCount: 0 });
      expect(await createOfferStore(on.context).find(made.offerId)).to.include({ status: "issued", content: null });
    });
  }

  /** Has a process of its own answer a request, which kills it. */
  async function killWith(
    crash: CrashPoint,
    request: (elsewhere: (of: Offered) => Offered) => Promise<Answer>,
  ): Promise<void> {
    const child = await startChild(on, { modules: ["issuers", "credentials"], serves: true, withChain: true, crash });
    const elsewhere = (of: Offered) => ({ ...of, issuerUrl: of.issuerUrl.replace(on.url, child.url) });
    const answered = await request(elsewhere).then(
      () => true,
      () => false,
    );
    expect(await child.ended).to.equal("SIGKILL");
    expect(answered, "the request was answered").to.equal(false);
  }
});

import { expect } from "chai";
import { applyChange } from "../../../../api/credentials/statusChanges/actions";
import type { StatusChangeJob } from "../../../../api/credentials/statusChanges/rules";
import { createChangeStore } from "../../../../api/credentials/statusChanges/store";
import { isWritePending } from "../../../../api/issuers/signer";
import type { Relayer } from "../../../../chain/relayer/relayer";
import { createCredentialStore } from "../../../../api/credentials/store";
import { eventually } from "../../../support/eventually";
import {
  deactivate,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  revokeDirectly,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../../support/credentialActors";
import { type Fixture, fixture } from "../../../support/fixture";

describe("changes of a credential's status", () => {
  let on: Fixture;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("changes", { modules: ["issuers", "credentials", "verification"], chain: true, workers: true });
    await on.startIndexer();
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
    alice = await newHolder(on);
  });

  after(() => on.close());

  const change = (what: string, body: object) => on.ask("POST", `/credentials/${what}`, { token: issuer.apiKey, body });
  const job = async (jobId: string) =>
    (await on.ask("GET", `/credentials/status-changes/${jobId}`, { token: issuer.apiKey })).body;
  const reaches = (jobId: string, status: string) =>
    eventually(`the change to be ${status}`, async () => (await job(jobId)).status === status);
  const statusOf = async (id: string) =>
    (await on.ask("GET", `/credentials/${id}`, { token: alice.token })).body.status;
  const onChain = async (credId: string) => (await on.context.chain.didRegistry.credentialStates([credId]))[0]!;

  it("revoke: queued to the chain, paid by the relayer, shown when the index has it, and final", async () => {
    const { credentialId, credId } = await issue(on, issuer, alice);
    const accepted = await change("revoke", { credentialId });
    expect(accepted.status).to.equal(202);
    expect(accepted.body).to.include({ change: "revoke", status: "queued" });
    expect(new URL(accepted.headers.get("location")!).pathname).to.equal(
      `/credentials/status-changes/${accepted.body.jobId}`,
    );
    await reaches(accepted.body.jobId, "final");
    const done = await job(accepted.body.jobId);
    const receipt = await on.context.chain.provider.getTransactionReceipt(done.transactionHash);
    expect(receipt!.from.toLowerCase()).to.equal(on.chain.relayer.address.toLowerCase());
    expect(receipt!.blockNumber).to.equal(done.blockNumber);
    expect((await onChain(credId)).revoked).to.equal(true);
    expect(await statusOf(credentialId)).to.equal("REVOKED");
    for (const what of ["suspend", "reinstate"]) {
      expect((await change(what, { credentialId })).body.code).to.equal("credential.revocation_final");
    }
  });

  it("suspend and reinstate, in the order they were asked for", async () => {
    const { credentialId, credId } = await issue(on, issuer, alice, { maxUsages: 9 });
    const suspended = await change("suspend", { credentialId });
    const lifted = await change("reinstate", { credentialId });
    const again = await change("suspend", { credentialId });
    for (const { body } of [suspended, lifted, again]) await reaches(body.jobId, "final").catch(() => undefined);
    expect((await onChain(credId)).suspended).to.equal(true);
    expect((await present(on, verifier, credentialId, alice)).body.code).to.equal("verification.credential_suspended");
    expect(await statusOf(credentialId)).to.equal("SUSPENDED");

    const last = await change("reinstate", { credentialId });
    await reaches(last.body.jobId, "final");
    expect(await statusOf(credentialId)).to.equal("ACTIVE");
    expect((await present(on, verifier, credentialId, alice)).status).to.equal(200);
  });

  it("change many credentials by one transaction", async () => {
    const issued = await Promise.all(Array.from({ length: 12 }, () => issue(on, issuer, alice)));
    const credentialIds = issued.map(({ credentialId }) => credentialId);
    const { body } = await change("revoke", { credentialIds });
    await reaches(body.jobId, "final");
    for (const { credId, credentialId } of issued) {
      expect((await onChain(credId)).revoked).to.equal(true);
      expect(await statusOf(credentialId)).to.equal("REVOKED");
    }
  });

  it("show a revocation that the issuer made directly on the chain, without us", async () => {
    const { credentialId, credId } = await issue(on, issuer, alice);
    await revokeDirectly(on, issuer, credId);
    expect((await present(on, verifier, credentialId, alice)).body.code).to.equal("verification.credential_revoked");
    await eventually("the index to show it", async () => (await statusOf(credentialId)) === "REVOKED");
    const { body } = await change("revoke", { credentialId });
    await reaches(body.jobId, "final");
    expect((await job(body.jobId)).transactionHash, "a transaction for what is done already").to.equal(null);
  });

  it("refuse credentials of others, all or none", async () => {
    const other = await newIssuer(on);
    const theirs = await issue(on, other, alice);
    const own = await issue(on, issuer, alice);
    const refused = await change("revoke", { credentialIds: [own.credentialId, theirs.credentialId] });
    expect(refused.body).to.deep.include({ code: "credential.unknown", credentialIds: [theirs.credentialId] });
    expect((await createCredentialStore(on.context).find(own.credentialId))!.hold).to.equal(null);
  });

  it("give up what the registry refuses, lift the hold on the credential, and say why", async () => {
    const doomed = await newIssuer(on);
    const { credentialId } = await issue(on, doomed, alice);
    await deactivate(on, doomed);
    const asked = await on.ask("POST", "/credentials/suspend", { token: doomed.apiKey, body: { credentialId } });
    const read = async () =>
      (await on.ask("GET", `/credentials/status-changes/${asked.body.jobId}`, { token: doomed.apiKey })).body;
    await eventually("the change to fail", async () => (await read()).status === "failed");
    expect((await read()).fault).to.include("IdentityDeactivated");
    expect((await createCredentialStore(on.context).find(credentialId))!.hold).to.equal(null);
  });

  it("are found and carried out when the process that stored them died before it queued them", async () => {
    const { credentialId, credId } = await issue(on, issuer, alice);
    const changeId = "00000000-0000-4000-8000-0000000000aa";
    await insertOld({ changeId, credentialIds: [credentialId], credIds: [credId] });
    await reaches(changeId, "final");
    expect((await onChain(credId)).revoked).to.equal(true);
  });

  it("leave it to the relayer to report the block of a transaction that the chain shows already", async () => {
    const { credentialId, credId } = await issue(on, issuer, alice);
    await revokeDirectly(on, issuer, credId);
    const changes = createChangeStore(on.context.mongo);
    const changeId = "00000000-0000-4000-8000-0000000000bb";
    // Later than any sweep of this test, so that only the calls below carry it out.
    const updatedAt = new Date(Date.now() + 3_600_000);
    await insertOld({ changeId, credentialIds: [credentialId], credIds: [credId], updatedAt });
    const apply = (key: string) =>
      applyChange(
        {
          ...on.context,
          changes,
          credentials: createCredentialStore(on.context),
          relayer: { find: async () => ({ requests: [{ key }], open: true }) } as unknown as Relayer,
          isWritePending,
          sendAsIssuer: () => Promise.reject(new Error("the chain shows the change already")),
          enqueueChange: () => Promise.resolve(),
          appendHolderEvent: on.modules.notifications.ports.appendHolderEvent,
        },
        changeId,
      );
    await apply(`status/${changeId}/0x00/1`);
    expect((await changes.find(changeId))!.state).to.equal("queued");
    await apply("status/another/0x00/1");
    expect((await changes.find(changeId))!.state).to.be.oneOf(["mined", "final"]);
  });

  /** A revocation stored a minute ago and not queued; the sweep finds it, unless it was updated since. */
  async function insertOld(
    change: Pick<StatusChangeJob, "changeId" | "credentialIds" | "credIds"> & { updatedAt?: Date },
  ): Promise<void> {
    const old = new Date(Date.now() - 60_000);
    const { changeId, credentialIds, credIds, updatedAt = old } = change;
    await on.context.mongo
      .db!.collection<Omit<StatusChangeJob, "changeId"> & { _id: string }>("credential_status_jobs")
      .insertOne({
        _id: changeId,
        issuer: issuer.address,
        change: "revoke",
        credentialIds,
        credIds,
        state: "queued",
        transactionHash: null,
        blockNumber: null,
        error: null,
        createdAt: old,
        updatedAt,
      });
  }
});

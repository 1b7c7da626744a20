import { expect } from "chai";
import { type HDNodeWallet, Wallet } from "ethers";
import { createWalletStore } from "../../../../api/wallets/store";
import { implicitDid } from "../../../../chain/registry/fold";
import type { Freshness } from "../../../../projection/freshness";
import type { Answer, AnswerBody } from "../../../support/ask";
import { fakeClock } from "../../../support/fakeClock";
import { type Fixture, fixture, fund } from "../../../support/fixture";
import { queuedJobs } from "../../../support/queuedJobs";
import { askChallenge, linkWithSignature, signTypedData } from "../../../support/walletActors";

describe("how far a wallet's anchoring is", () => {
  const clock = fakeClock();
  let api: Fixture;
  let userId: string;
  let token: string;
  let holder: HDNodeWallet;
  let address: string;

  before(async () => {
    api = await fixture("anchor-api", { modules: ["sessions", "wallets"], chain: true, clock });
  });
  after(() => api.close());
  beforeEach(async () => {
    ({ userId, token } = await api.newUser());
    holder = Wallet.createRandom();
    address = holder.address.toLowerCase();
    await linkWithSignature(api, token, holder);
  });

  const anchor = (body: object = {}, as = token): Promise<Answer> =>
    api.ask("POST", `/auth/wallets/${address}/anchor`, { token: as, body });
  const store = () => createWalletStore(api.context.mongo);
  const shown = async (): Promise<AnswerBody> =>
    (await api.ask("GET", "/auth/wallets", { token })).body["wallets"][0].anchoring as AnswerBody;
  /** The requests to anchor this wallet that wait for a worker. */
  const queued = async () => {
    const jobs = await queuedJobs<{ walletAddress: string; anchoringId: string }>(api.context, "anchoring");
    return jobs.filter(({ walletAddress }) => walletAddress === address);
  };

  /** Has the index answer with a registration of this wallet's DID, as it does once the indexer has seen the event. */
  function showInIndex(created: { transactionHash: string; blockNumber: number }): void {
    const { projection } = api.context;
    const { findDid } = projection;
    const registered = address;
    projection.findDid = async (asked) => {
      const found = await findDid(asked);
      if (asked !== registered) return found;
      const registration = { ...created, blockHash: "0x0b", minedAt: clock.now() };
      const state = { ...implicitDid(address), registration };
      return { ...found, state, freshness: { finalizedNumber: 0 } as Freshness };
    };
  }

  async function sign(): Promise<string> {
    return signTypedData(holder, await askChallenge(api, token, address, "anchor"));
  }

  it("is awaiting_signature after linking with one signature, and queued once the second one comes", async () => {
    expect(await shown()).to.deep.equal({ status: "awaiting_signature", transactionHash: null, blockNumber: null });
    const { status, body } = await anchor({ registrationSignature: await sign() });
    expect([status, body["anchoring"].status]).to.deep.equal([202, "queued"]);
    expect(await queued()).to.have.length(1);
    expect((await store().find(address))!.anchoring.registration?.signature).to.match(/^0x[0-9a-f]{130}$/);
  });

  it("is submitted with its transaction while the chain or the index has not shown it", async () => {
    await anchor({ registrationSignature: await sign() });
    await store().markSubmitted(address, "0xaa", clock.now());
    expect(await shown()).to.deep.equal({ status: "submitted", transactionHash: "0xaa", blockNumber: null });
    await store().markMined(address, { transactionHash: "0xbb", blockNumber: 7 }, clock.now());
    expect(await shown()).to.deep.equal({ status: "submitted", transactionHash: "0xbb", blockNumber: 7 });
  });

  it("is anchored when the index has seen it, and only then", async () => {
    await anchor({ registrationSignature: await sign() });
    showInIndex({ transactionHash: "0xcc", blockNumber: 8 });
    expect(await shown()).to.deep.equal({ status: "anchored", transactionHash: "0xcc", blockNumber: 8 });
    expect((await anchor()).body["anchoring"].status).to.equal("anchored");
  });

  it("is queued, with the reason, while it is tried again by itself", async () => {
    await anchor({ registrationSignature: await sign() });
    await store().recordRetryableError(
      address,
      { code: "rpc.unreachable", message: "No endpoint answers.", remedy: "automatic" },
      clock.now(),
    );
    const { status, error } = await shown();
    expect([status, error?.code, error?.remedy]).to.deep.equal(["queued", "rpc.unreachable", "automatic"]);
  });

  it("is failed with a remedy: asking again queues it with the signature at hand", async () => {
    await anchor({ registrationSignature: await sign() });
    const { anchoring } = (await store().find(address))!;
    await store().markFailed(
      address,
      anchoring.id,
      { code: "anchoring.exhausted", message: "It took too long.", remedy: "retry" },
      clock.now(),
    );
    expect((await shown()).error?.remedy).to.equal("retry");
    const { status, body } = await anchor();
    expect([status, body["anchoring"].status]).to.deep.equal([202, "queued"]);
    const next = (await store().find(address))!.anchoring;
    expect(next.id).to.not.equal(anchoring.id);
    expect(next.registration).to.deep.equal(anchoring.registration);
  });

  it("stays failed without a fresh signature where only that helps", async () => {
    await anchor({ registrationSignature: await sign() });
    const { anchoring } = (await store().find(address))!;
    await store().markFailed(
      address,
      anchoring.id,
      { code: "anchoring.reverted", message: "Refused.", remedy: "sign" },
      clock.now(),
    );
    expect((await anchor()).body.code).to.equal("anchoring.signature_required");
    expect((await anchor({ registrationSignature: await sign() })).body["anchoring"].status).to.equal("queued");
  });

  it("needs a signature that is not too old to be sent", async () => {
    await anchor({ registrationSignature: await sign() });
    const { anchoring } = (await store().find(address))!;
    await store().markFailed(
      address,
      anchoring.id,
      { code: "anchoring.exhausted", message: "It took too long.", remedy: "retry" },
      clock.now(),
    );
    clock.advance(24 * 60 * 60);
    ({ token } = await api.modules.sessions.ports.openSession({ userId, userAgent: undefined }));
    expect((await anchor()).body.code).to.equal("anchoring.signature_required");
  });

  it("changes nothing when asked again while it is under way", async () => {
    const registrationSignature = await sign();
    const first = await anchor({ registrationSignature });
    const before = await store().find(address);
    expect(await anchor({ registrationSignature })).to.deep.equal(first);
    expect(await store().find(address)).to.deep.equal(before);
    expect(await queued()).to.have.length(1);
  });

  it("has one winner when 16 retries race", async () => {
    await anchor({ registrationSignature: await sign() });
    const { anchoring } = (await store().find(address))!;
    await store().markFailed(
      address,
      anchoring.id,
      { code: "anchoring.lost", message: "Lost.", remedy: "retry" },
      clock.now(),
    );
    const answers = await Promise.all(Array.from({ length: 16 }, () => anchor()));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body["anchoring"].status}`))).to.deep.equal(
      new Set(["202 queued"]),
    );
    expect((await queued()).map(({ anchoringId }) => anchoringId)).to.deep.equal([
      anchoring.id,
      (await store().find(address))!.anchoring.id,
    ]);
  });

  it("asks for another signature when a development chain forgot the DID", async () => {
    await anchor({ registrationSignature: await sign() });
    await store().markMined(address, { transactionHash: "0xbb", blockNumber: 7 }, clock.now());
    await store().markAnchored(address, clock.now());
    expect(await shown()).to.deep.include({ status: "awaiting_signature" });
    expect((await shown()).error?.code).to.equal("anchoring.forgotten");
    expect((await anchor({ registrationSignature: await sign() })).body["anchoring"].status).to.equal("queued");
  });

  it("is shown to its user alone, who alone may ask for it", async () => {
    const { token: stranger } = await api.newUser();
    expect((await anchor({}, stranger)).body.code).to.equal("wallet.not_found");
    const challenge = await api.ask("POST", "/auth/wallet/challenge", {
      token: stranger,
      body: { walletAddress: address, purpose: "anchor" },
    });
    expect([challenge.status, challenge.body.code]).to.deep.equal([404, "wallet.not_found"]);
    expect((await api.ask("GET", "/auth/wallets", { token: stranger })).body["wallets"]).to.deep.equal([]);
  });

  it("needs no signature for a DID that its holder registered", async () => {
    const { chain } = api.context;
    const own = chain.didRegistry.connect(holder.connect(chain.provider));
    await fund(api.chain.rpcUrl, address);
    const { did } = (await store().find(address))!;
    await (await own.registerDID(did, "https://alice.example/did")).wait();
    await api.ask("DELETE", `/auth/wallets/${address}`, { token });
    const { challenge, answer } = await linkWithSignature(api, token, holder);
    expect(challenge["typedData"]).to.equal(null);
    expect(answer.body["anchoring"]).to.deep.equal({ status: "submitted", transactionHash: null, blockNumber: null });
  });
});

import { expect } from "chai";
import { type HDNodeWallet, Wallet } from "ethers";
import { openWalletStore } from "../../../../api/wallets/store";
import { openStage, type Stage } from "../stage";
import { type AnswerBody, signTypedData, startWalletApi, type WalletApi } from "../walletApi";

describe("how far a wallet's anchoring is", () => {
  let stage: Stage;
  let api: WalletApi;
  let token: string;
  let holder: HDNodeWallet;
  let address: string;

  before(async () => {
    stage = await openStage("anchor-api");
    api = await startWalletApi(stage);
  });
  after(async () => {
    expect(await api.close()).to.deep.equal([]);
    await stage.close();
  });
  beforeEach(async () => {
    token = api.newUser();
    holder = Wallet.createRandom();
    address = holder.address.toLowerCase();
    api.queued.splice(0);
    const { message } = await api.challenge(token, address);
    const answer = await api.post("/auth/wallet/link", token, {
      walletAddress: address,
      signature: await holder.signMessage(message),
    });
    expect(answer.status).to.equal(201);
  });

  const anchor = (body: object = {}, as = token) => api.post(`/auth/wallets/${address}/anchor`, as, body);
  const store = () => openWalletStore(stage.mongo);
  const shown = async (): Promise<AnswerBody["anchoring"]> =>
    (await api.ask("GET", "/auth/wallets", token)).body.wallets[0]!.anchoring;

  async function sign(): Promise<string> {
    return signTypedData(holder, await api.challenge(token, address, "anchor"));
  }

  it("is awaiting_signature after linking with one signature, and queued once the second one comes", async () => {
    expect(await shown()).to.deep.equal({ status: "awaiting_signature", transactionHash: null, blockNumber: null });
    const { status, body } = await anchor({ registrationSignature: await sign() });
    expect([status, body.anchoring.status]).to.deep.equal([202, "queued"]);
    expect(api.queued.map(({ walletAddress }) => walletAddress)).to.deep.equal([address]);
    expect((await store().find(address))!.anchoring.registration?.signature).to.match(/^0x[0-9a-f]{130}$/);
  });

  it("is submitted with its transaction while the chain or the index has not shown it", async () => {
    await anchor({ registrationSignature: await sign() });
    await store().noteSubmitted(address, "0xaa", api.clock.now());
    expect(await shown()).to.deep.equal({ status: "submitted", transactionHash: "0xaa", blockNumber: null });
    await store().noteMined(address, { transactionHash: "0xbb", blockNumber: 7 }, api.clock.now());
    expect(await shown()).to.deep.equal({ status: "submitted", transactionHash: "0xbb", blockNumber: 7 });
  });

  it("is anchored when the index has seen it, and only then", async () => {
    await anchor({ registrationSignature: await sign() });
    api.indexed.set(address, { transactionHash: "0xcc", blockNumber: 8 });
    expect(await shown()).to.deep.equal({ status: "anchored", transactionHash: "0xcc", blockNumber: 8 });
    expect((await anchor()).body.anchoring.status).to.equal("anchored");
  });

  it("is queued, with the reason, while it is tried again by itself", async () => {
    await anchor({ registrationSignature: await sign() });
    await store().noteTrouble(
      address,
      { code: "rpc.unreachable", message: "No endpoint answers.", remedy: "automatic" },
      api.clock.now(),
    );
    const { status, error } = await shown();
    expect([status, error?.code, error?.remedy]).to.deep.equal(["queued", "rpc.unreachable", "automatic"]);
  });

  it("is failed with a remedy: asking again queues it with the signature at hand", async () => {
    await anchor({ registrationSignature: await sign() });
    const { anchoring } = (await store().find(address))!;
    await store().noteFailed(
      address,
      anchoring.id,
      { code: "anchoring.exhausted", message: "It took too long.", remedy: "retry" },
      api.clock.now(),
    );
    expect((await shown()).error?.remedy).to.equal("retry");
    const { status, body } = await anchor();
    expect([status, body.anchoring.status]).to.deep.equal([202, "queued"]);
    const next = (await store().find(address))!.anchoring;
    expect(next.id).to.not.equal(anchoring.id);
    expect(next.registration).to.deep.equal(anchoring.registration);
  });

  it("stays failed without a fresh signature where only that helps", async () => {
    await anchor({ registrationSignature: await sign() });
    const { anchoring } = (await store().find(address))!;
    await store().noteFailed(
      address,
      anchoring.id,
      { code: "anchoring.reverted", message: "Refused.", remedy: "sign" },
      api.clock.now(),
    );
    expect((await anchor()).body.code).to.equal("anchoring.signature_required");
    expect((await anchor({ registrationSignature: await sign() })).body.anchoring.status).to.equal("queued");
  });

  it("needs a signature that is not too old to be sent", async () => {
    await anchor({ registrationSignature: await sign() });
    const { anchoring } = (await store().find(address))!;
    await store().noteFailed(
      address,
      anchoring.id,
      { code: "anchoring.exhausted", message: "It took too long.", remedy: "retry" },
      api.clock.now(),
    );
    api.clock.advance(24 * 60 * 60);
    expect((await anchor()).body.code).to.equal("anchoring.signature_required");
  });

  it("changes nothing when asked again while it is under way", async () => {
    const registrationSignature = await sign();
    const first = await anchor({ registrationSignature });
    const before = await store().find(address);
    expect(await anchor({ registrationSignature })).to.deep.equal(first);
    expect(await store().find(address)).to.deep.equal(before);
    expect(api.queued).to.have.length(1);
  });

  it("has one winner when 16 retries race", async () => {
    await anchor({ registrationSignature: await sign() });
    const { anchoring } = (await store().find(address))!;
    await store().noteFailed(
      address,
      anchoring.id,
      { code: "anchoring.lost", message: "Lost.", remedy: "retry" },
      api.clock.now(),
    );
    api.queued.splice(0);
    const answers = await Promise.all(Array.from({ length: 16 }, () => anchor()));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.anchoring.status}`))).to.deep.equal(
      new Set(["202 queued"]),
    );
    expect(api.queued).to.have.length(1);
  });

  it("asks for another signature when a development chain forgot the DID", async () => {
    await anchor({ registrationSignature: await sign() });
    await store().noteMined(address, { transactionHash: "0xbb", blockNumber: 7 }, api.clock.now());
    await store().noteAnchored(address, api.clock.now());
    expect(await shown()).to.deep.include({ status: "awaiting_signature" });
    expect((await shown()).error?.code).to.equal("anchoring.forgotten");
    expect((await anchor({ registrationSignature: await sign() })).body.anchoring.status).to.equal("queued");
  });

  it("is nobody else's business", async () => {
    const stranger = api.newUser();
    expect((await anchor({}, stranger)).body.code).to.equal("wallet.not_found");
    const challenge = await api.post("/auth/wallet/challenge", stranger, { walletAddress: address, purpose: "anchor" });
    expect([challenge.status, challenge.body.code]).to.deep.equal([404, "wallet.not_found"]);
    expect((await api.ask("GET", "/auth/wallets", stranger)).body.wallets).to.deep.equal([]);
  });

  it("needs no signature for a DID that its holder registered", async () => {
    const own = stage.chain.didRegistry.connect(holder.connect(stage.chain.provider));
    await stage.chain.provider.send("hardhat_setBalance", [address, "0xde0b6b3a7640000"]);
    const { did } = (await store().find(address))!;
    await (await own["registerDID(string,string)"](did, "https://alice.example/did")).wait();
    const { typedData, message } = await api.challenge(token, address);
    expect(typedData).to.equal(null);
    await api.ask("DELETE", `/auth/wallets/${address}`, token);
    const linked = await api.post("/auth/wallet/link", token, {
      walletAddress: address,
      signature: await holder.signMessage(message),
    });
    expect(linked.body.anchoring).to.deep.equal({ status: "submitted", transactionHash: null, blockNumber: null });
  });
});

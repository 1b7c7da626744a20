import { expect } from "chai";
import { anchorAlone, anchorWallets } from "../../../../api/wallets/anchoring/anchorWallets";
import type { Wallet } from "../../../../api/wallets/rules";
import { createWalletStore } from "../../../../api/wallets/store";
import type { RelayerTransaction } from "../../../../chain/relayer/transaction";
import { DomainError } from "../../../../core/errors";
import { addQueuedWallet, anchoringJobsOf, chainFacts } from "../../../support/anchorings";
import { eventually } from "../../../support/eventually";
import { type Fixture, fixture, fund } from "../../../support/fixture";
import type { ConfigPatch } from "../../../support/testContext";

/** Runtime code of an ERC-1271 wallet that approves everything: returns the magic value. */
const APPROVES = "0x631626ba7e60e01b60005260206000f3";
/** Of one that reverts. */
const REVERTS = "0x60006000fd";
const DAILY_GAS = { wallet: 10 ** 9, user: 10 ** 9, issuer: 10 ** 9, all: 10 ** 9 };

describe("what the relayer pays for", () => {
  let on: Fixture;
  /** Called when a transaction is stored and before any node has it. */
  let beforeBroadcast: () => Promise<unknown> = () => Promise.resolve();

  afterEach(async () => {
    beforeBroadcast = () => Promise.resolve();
    await on.close();
  });

  const store = () => createWalletStore(on.context.mongo);
  const find = async ({ walletAddress }: Wallet) => (await store().find(walletAddress))!.anchoring;
  const transactions = () =>
    on.context.mongo.collection<RelayerTransaction>("relayer_transactions").find().sort({ nonce: 1 }).toArray();

  async function open(spending: ConfigPatch["spending"]): Promise<void> {
    on = await fixture("payment", {
      modules: ["wallets"],
      chain: true,
      config: { spending },
      async onStep(step) {
        if (step === "persisted") await beforeBroadcast();
      },
    });
  }

  /** Wallets of one user that wait to be anchored. */
  async function add(count: number, userId: string, kind: Wallet["kind"] = "key"): Promise<Wallet[]> {
    const wallets = await Promise.all(Array.from({ length: count }, () => addQueuedWallet(on)));
    const addresses = { walletAddress: { $in: wallets.map(({ walletAddress }) => walletAddress) } };
    await on.context.mongo.collection("user_wallets").updateMany(addresses, { $set: { userId, kind } });
    return wallets.map((wallet) => ({ ...wallet, userId, kind }));
  }

  /** What a worker does when the jobs of these wallets wait together. */
  async function anchor(
    wallets: Wallet[],
    requireVerified: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<(string | null)[]> {
    const { queue, enqueueAnchoring } = anchoringJobsOf(on);
    const { relayer } = on.startWorkers();
    const { requireConfirmedEmail } = on.modules.sessions.ports;
    const deps = { ...on.context, wallets: store(), enqueueAnchoring, relayer, requireVerified, requireConfirmedEmail };
    const requests = wallets.map(({ walletAddress, anchoring }) => ({ walletAddress, anchoringId: anchoring.id }));
    const answers: (string | null)[] = [];
    for (const answer of await anchorWallets(deps, requests)) {
      if (answer !== null && "anchoring" in answer) answers.push(await anchorAlone(deps, answer).then(() => null));
      else answers.push(answer === null ? null : (answer as unknown as { code: string }).code);
    }
    await queue.close();
    return answers;
  }

  const untilMined = (wallet: Wallet) => eventually("it is mined", async () => (await find(wallet)).status === "mined");

  it("is one account's wallets up to its budget of the day, whichever way they come", async () => {
    await open({ dailyGas: { ...DAILY_GAS, user: 500_000 } });
    const { userId } = await on.newUser();
    const wallets = await add(12, userId);
    await anchor(wallets);
    for (const wallet of await add(8, userId)) {
      await anchor([wallet]);
      wallets.push(wallet);
    }
    await eventually("none is under way", async () => {
      const all = await Promise.all(wallets.map(find));
      return all.every(({ status }) => status === "mined" || status === "failed");
    });
    const refused = (await Promise.all(wallets.map(find))).filter(({ status }) => status === "failed");
    expect(new Set(refused.map(({ error }) => `${error?.code} ${error?.remedy}`))).to.deep.equal(
      new Set(["relayer.budget_used_up retry"]),
    );
    expect(wallets.length - refused.length).to.be.within(2, 7);
    const paid = await on.context.mongo
      .collection("relayer_spending")
      .findOne({ _id: { $regex: `user/${userId}$` } as never });
    expect(paid?.["gas"]).to.be.at.most(500_000);

    const [first] = await add(1, userId);
    const { token } = await on.modules.sessions.ports.openSession({ userId, userAgent: undefined });
    await store().markFailed(
      first!.walletAddress,
      first!.anchoring.id,
      { code: "relayer.budget_used_up", message: "", remedy: "retry" },
      new Date(),
    );
    const answer = await on.ask("POST", `/auth/wallets/${first!.walletAddress}/anchor`, { token, body: {} });
    expect(answer).to.include({ status: 429 });
    expect(answer.body.code).to.equal("relayer.budget_used_up");
    expect(Number(answer.headers.get("retry-after"))).to.be.within(1, 86_400);
  });

  it("is no wallet that is a contract, unless that is configured", async () => {
    await open({ contractWallets: false });
    const { userId } = await on.newUser();
    const [wallet] = await add(1, userId, "contract");
    await anchor([wallet!]);
    expect((await find(wallet!)).error?.code).to.equal("anchoring.contract_wallet");
    expect(await transactions()).to.have.length(0);
  });

  it("is one transaction of a contract that passes the estimate and reverts, not seven", async () => {
    await open({ backoffSeconds: 600, contractWallets: true });
    const { userId, token } = await on.newUser();
    const [wallet] = await add(1, userId, "contract");
    const { provider } = on.context.chain;
    const setCode = (code: string) => provider.send("hardhat_setCode", [wallet!.walletAddress, code]);
    await setCode(APPROVES);
    beforeBroadcast = () => setCode(REVERTS);
    await anchor([wallet!]);
    await eventually("it failed", async () => (await find(wallet!)).status === "failed");
    const [sent, ...more] = await transactions();
    expect([sent!.state, more]).to.deep.equal(["reverted", []]);
    expect(BigInt(sent!.gasLimit) <= 1_000_000n).to.equal(true);
    await store().markFailed(
      wallet!.walletAddress,
      wallet!.anchoring.id,
      { code: "anchoring.reverted", message: "", remedy: "retry" },
      new Date(),
    );
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const answer = await on.ask("POST", `/auth/wallets/${wallet!.walletAddress}/anchor`, { token, body: {} });
      expect([answer.status, answer.body.code]).to.deep.equal([429, "relayer.backing_off"]);
      expect(Number(answer.headers.get("retry-after"))).to.be.within(500, 600);
      const [other] = await add(1, userId);
      await anchor([other!]);
      expect((await find(other!)).error?.code).to.equal("relayer.backing_off");
    }
    expect(await transactions()).to.have.length(1);
  });

  it("is a verified user's wallets alone where that is the gate", async () => {
    await open({ gate: "kyc" });
    const { userId, token } = await on.newUser();
    const [wallet] = await add(1, userId);
    await anchor([wallet!], () => Promise.reject(new DomainError("kyc.required", "forbidden", "Not verified.")));
    expect((await find(wallet!)).error).to.include({ code: "kyc.required", remedy: "retry" });
    const answer = await on.ask("POST", `/auth/wallets/${wallet!.walletAddress}/anchor`, { token, body: {} });
    expect([answer.status, answer.body.code]).to.deep.equal([403, "kyc.required"]);
    await anchor([wallet!]);
    await untilMined(wallet!);
  });

  it("is the wallets of a user whose e-mail address is confirmed alone where that is the gate", async () => {
    await open({ gate: "email" });
    const { userId, token } = await on.newUser();
    const [wallet] = await add(1, userId);
    await anchor([wallet!]);
    expect((await find(wallet!)).error).to.include({ code: "email.unconfirmed", remedy: "retry" });
    const answer = await on.ask("POST", `/auth/wallets/${wallet!.walletAddress}/anchor`, { token, body: {} });
    expect([answer.status, answer.body.code]).to.deep.equal([403, "email.unconfirmed"]);
    await on.modules.sessions.ports.accounts.confirmEmail(userId);
    await anchor([wallet!]);
    await untilMined(wallet!);
  });

  it("is nothing while the relayer is stopped, and goes on by itself afterwards", async () => {
    await open({});
    const { userId } = await on.newUser();
    const wallets = await add(3, userId);
    await on.context.budgets.setStopped(true, "an incident");
    expect(await anchor(wallets)).to.deep.equal(Array(3).fill("relayer.stopped"));
    expect((await find(wallets[0]!)).error?.remedy).to.equal("automatic");
    expect(await transactions()).to.have.length(0);
    await on.context.budgets.setStopped(false, "");
    await anchor(wallets);
    await Promise.all(wallets.map(untilMined));
  });

  it("is the part of a batch that its money suffices for", async () => {
    await open({});
    const { userId } = await on.newUser();
    const wallets = await add(16, userId);
    const { maxFeePerGas, gasPrice } = await on.context.chain.provider.getFeeData();
    await fund(on.chain.rpcUrl, on.chain.relayer.address, (maxFeePerGas ?? gasPrice!) * 1_200_000n);
    // Other files' blocks move the price of gas between two questions; a worker tries again as well.
    const answers = await eventually("a part is sent", async () => {
      const tried = await anchor(wallets);
      return tried.includes(null) && tried;
    });
    const sent = answers.filter((answer) => answer === null).length;
    expect(sent).to.be.within(1, 15);
    expect(new Set(answers)).to.deep.equal(new Set([null, "relayer.insufficient_funds"]));
    await fund(on.chain.rpcUrl, on.chain.relayer.address);
    await eventually("those sent are mined", async () => (await on.startWorkers().relayer.countPending()) === 0);
    await anchor(wallets);
    await Promise.all(wallets.map(untilMined));
    expect((await chainFacts(on)).transactions).to.be.at.least(2);
  });
});

import { expect } from "chai";
import { ZeroHash } from "ethers";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callOf } from "../../../../api/control/actions";
import { createOperationStore } from "../../../../api/control/store";
import type { Service } from "../../../../embedded/service";
import { startChain } from "../../../../embedded/startChain";
import {
  newController,
  newSuccessor,
  prepareNaming,
  prepareRotation,
  registryAs,
  type TestController,
  untilOperation,
} from "../../../support/controlActors";
import { eventually } from "../../../support/eventually";
import { type Fixture, fixture, fund } from "../../../support/fixture";

/** More than the relayer bids, so that it is mined first. */
const BID = { maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 12n, gasLimit: 300_000 };

/** A chain of its own: these tests stop its mining and rewind it. */
describe("an operation when somebody is faster, or the chain goes back", () => {
  let dataDir: string;
  let node: Service;
  let on: Fixture;
  let alice: TestController;

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "cairn-control-"));
    node = await startChain({ dataDir, persistent: false, env: { ...process.env, RPC_URL: "" } });
  });
  beforeEach(async () => {
    on = await fixture("control-faults", { modules: ["wallets", "control"], chain: { rpcUrl: node.url } });
    await on.startIndexer();
    alice = await newController(on);
  });
  afterEach(async () => {
    await rpc("evm_setAutomine", true);
    await on.close();
  });
  after(async () => {
    await node.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const rpc = (method: string, ...params: unknown[]) =>
    on.context.chain.provider.send(method, params) as Promise<unknown>;

  async function begin(path: string, body: object, token?: string): Promise<string> {
    const { status, text, body: answer } = await on.ask("POST", `/control/${path}`, { body, token });
    expect(status, text).to.equal(202);
    return answer["operationId"] as string;
  }

  const statesOf = async (identity: string) => {
    const found = await on.context.mongo
      .collection("relayer_transactions")
      .find({ "requests.subject": new RegExp(`/${identity}/`) })
      .toArray();
    return found.map(({ state }) => state as string);
  };

  it("fails with the reason when it reverted, and its consent is not sent again", async () => {
    const registry = await registryAs(on, alice.wallet);
    const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
    await rpc("evm_setAutomine", false);
    on.startWorkers();
    const operationId = await begin("name-successor", body, alice.token);
    await untilOperation(on, operationId, "submitted");
    await registry.cancelNonces(alice.identity, ZeroHash, 1, BID);
    await rpc("evm_mine");
    const failed = await untilOperation(on, operationId, "failed");
    expect(failed["error"].code).to.equal("control.nonce_moved");
    expect(failed["transactionHash"]).to.match(/^0x/);
    await eventually("the outcome on record", async () => (await statesOf(alice.identity)).join() === "reverted");
    expect((await on.context.chain.didRegistry.resolveDID(alice.identity)).successor).to.equal(ZeroHash);
  });

  it("is final by the transaction of whoever copied the consent and was mined first", async () => {
    const successor = newSuccessor(alice.identity);
    const registry = await registryAs(on, alice.wallet);
    await (await registry.nameSuccessor(alice.identity, successor.commitment)).wait();
    const body = await prepareRotation(on, alice.did, successor);
    await rpc("evm_setAutomine", false);
    on.startWorkers();
    const operationId = await begin("rotate", body);
    await untilOperation(on, operationId, "submitted");
    const operation = await createOperationStore(on.context.mongo).find(operationId);
    const copier = alice.wallet.connect(on.context.chain.provider);
    const copied = await copier.sendTransaction({ ...callOf(on.context, operation!), ...BID });
    await rpc("evm_mine");
    const done = await untilOperation(on, operationId, "final");
    expect(done["transactionHash"]).to.equal(copied.hash);
    const { controller } = await on.context.chain.didRegistry.resolveDID(alice.identity);
    expect(controller.toLowerCase()).to.equal(successor.address);
  });

  it("is sent again, with the same bytes, when a reorg took it out of the chain", async () => {
    const snapshot = await rpc("evm_snapshot");
    on.startWorkers();
    const successor = newSuccessor(alice.identity);
    const operationId = await begin("name-successor", await prepareNaming(on, alice, successor), alice.token);
    await untilOperation(on, operationId, "final");
    await rpc("evm_revert", snapshot);
    await fund(on.chain.rpcUrl, on.chain.relayer.address);
    await eventually("the commitment on the new branch", async () => {
      const { successor: commitment } = await on.context.chain.didRegistry.resolveDID(alice.identity);
      return commitment === successor.commitment;
    });
    expect(await statesOf(alice.identity)).to.have.length(1);
  });
});

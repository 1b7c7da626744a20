import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { HDNodeWallet, WebSocketProvider } from "ethers";
import type { Service, ServiceExit } from "../../embedded/service";
import { startChain } from "../../embedded/startChain";
import { eventually } from "../support/eventually";
import { bareEnv, killHard, rpcTo, workbench } from "./workbench";

const STRANGER = "0x1111111111111111111111111111111111111111";
const MNEMONIC = "test test test test test test test test test test test junk";
const wallet = HDNodeWallet.fromPhrase(MNEMONIC);

/** What a node answers about every block, for a long chain about its first and last blocks. */
async function history(rpc: ReturnType<typeof rpcTo>): Promise<unknown[]> {
  const height = Number(await rpc("eth_blockNumber"));
  const numbers = Array.from({ length: height + 1 }, (_, number) => number);
  const chosen = numbers.filter((number) => number < 30 || number > height - 10 || number % 997 === 0);
  return Promise.all(chosen.map((number) => rpc("eth_getBlockByNumber", `0x${number.toString(16)}`, true)));
}

describe("the embedded chain", () => {
  const bench = workbench();
  const exits: ServiceExit[] = [];
  const notes: string[] = [];
  let dataDir: string;

  async function start(persistent = true): Promise<Service> {
    const report = ({ line }: { line: string }) => notes.push(line);
    const onExit = (exit: ServiceExit) => exits.push(exit);
    return bench.keep(await startChain({ dataDir, persistent, env: bareEnv(), report, onExit }));
  }

  async function pay(rpc: ReturnType<typeof rpcTo>, value: number): Promise<string> {
    const nonce = Number(await rpc("eth_getTransactionCount", wallet.address, "pending"));
    const fees = { maxFeePerGas: 1_000n, maxPriorityFeePerGas: 0n };
    const raw = await wallet.signTransaction({
      type: 2,
      chainId: 31337,
      nonce,
      to: STRANGER,
      value,
      gasLimit: 21_000,
      ...fees,
    });
    return rpc("eth_sendRawTransaction", raw);
  }

  beforeEach(() => {
    dataDir = bench.folder();
    exits.length = 0;
    notes.length = 0;
  });
  afterEach(() => bench.clear());

  it("comes back from SIGKILL with every block, equal to the last digit of its hash", async () => {
    const service = await start();
    const rpc = rpcTo(service.url);
    const [, second = "", third = "", fourth = "", fifth = ""] = await rpc<string[]>("eth_accounts");
    await pay(rpc, 1);
    await rpc("eth_sendTransaction", { from: second, to: third, value: "0x5" });
    await rpc("eth_sendTransaction", { from: second, to: third, value: "0x5", gasPrice: "0x3b9aca00" });
    await rpc("hardhat_impersonateAccount", STRANGER);
    await rpc("hardhat_setBalance", STRANGER, "0xde0b6b3a7640000");
    await rpc("eth_sendTransaction", { from: STRANGER, to: third, value: "0x1" });
    await rpc("hardhat_stopImpersonatingAccount", STRANGER);
    await rpc("hardhat_setStorageAt", fourth, "0x0", `0x${"7".padStart(64, "0")}`);
    await rpc("hardhat_setNonce", fifth, "0x10");
    await rpc("hardhat_setCode", fourth, "0x60006000fd");
    const failing = await rpc("eth_sendTransaction", { from: second, to: fourth, gas: "0x7530" }).catch(String);
    expect(failing).to.match(/reverted/);
    await rpc("evm_increaseTime", 1_000);
    await rpc("evm_mine");
    await rpc("evm_setNextBlockTimestamp", Math.floor(Date.now() / 1000) + 50_000);
    await pay(rpc, 2);
    await rpc("hardhat_mine", "0x2710", "0x3");
    await rpc("hardhat_mine", "0x2");
    await rpc("hardhat_setNextBlockBaseFeePerGas", "0x64");
    await pay(rpc, 3);
    const before = await history(rpc);

    await killHard(service, exits);
    await service.restart();
    expect(await history(rpc)).to.deep.equal(before);
    expect(await rpc("eth_getStorageAt", fourth, "0x0", "latest")).to.equal(`0x${"7".padStart(64, "0")}`);
    // It is not only read: it goes on from there.
    await pay(rpc, 4);
    expect(Number(await rpc("eth_blockNumber"))).to.equal(Number((before.at(-1) as { number: string }).number) + 1);
    expect(notes).to.be.empty;
  });

  it("keeps only the branch that is left after evm_revert, and the settings a revert leaves alone", async () => {
    const service = await start();
    const rpc = rpcTo(service.url);
    await pay(rpc, 1);
    const snapshot = await rpc("evm_snapshot");
    const dropped = await pay(rpc, 2);
    await rpc("hardhat_setBalance", STRANGER, "0x1234");
    await rpc("evm_setAutomine", false);
    expect(await rpc<boolean>("evm_revert", snapshot)).to.equal(true);
    const kept = await pay(rpc, 3);
    await rpc("evm_mine");
    const before = await history(rpc);

    await killHard(service, exits);
    await service.restart();
    expect(await history(rpc)).to.deep.equal(before);
    expect(await rpc<unknown>("eth_getTransactionByHash", dropped)).to.equal(null);
    expect(await rpc<unknown>("eth_getTransactionReceipt", kept)).to.include({ status: "0x1", blockNumber: "0x2" });
    expect(await rpc<boolean>("hardhat_getAutomine")).to.equal(false);
    expect(Number(await rpc("eth_getBalance", STRANGER, "latest"))).to.equal(4);
  });

  it("keeps waiting transactions, mines them with the same block after the restart, and keeps its clock", async () => {
    const service = await start();
    const rpc = rpcTo(service.url);
    await rpc("evm_setAutomine", false);
    const mined = await pay(rpc, 1);
    await rpc("evm_mine");
    const waiting = [await pay(rpc, 2), await pay(rpc, 3)];
    await rpc("evm_increaseTime", 5_000);
    const askedAt = performance.now();
    const clock = Number((await rpc<{ timestamp: string }>("eth_getBlockByNumber", "pending", false)).timestamp);

    await killHard(service, exits);
    await service.restart();
    const pending = await rpc<{ timestamp: string; transactions: string[] }>("eth_getBlockByNumber", "pending", false);
    expect(pending.transactions).to.deep.equal(waiting);
    const passedSeconds = Math.ceil((performance.now() - askedAt) / 1000);
    expect(Number(pending.timestamp) - clock).to.be.within(0, passedSeconds + 1);
    await rpc("evm_mine");
    const block = await rpc<{ transactions: string[] }>("eth_getBlockByNumber", "latest", false);
    expect(block.transactions).to.deep.equal(waiting);
    expect(block.transactions).not.to.include(mined);
  });

  it("loses nothing it answered when it is killed in the middle of a stream of transactions", async () => {
    const service = await start();
    const rpc = rpcTo(service.url);
    const answered: string[] = [];
    let killed: Promise<void> | undefined;
    for (let nonce = 0; ; nonce++) {
      const fees = { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
      const raw = await wallet.signTransaction({
        type: 2,
        chainId: 31337,
        nonce,
        to: STRANGER,
        value: 1,
        gasLimit: 21_000,
        ...fees,
      });
      const hash = await rpc("eth_sendRawTransaction", raw).catch(() => null);
      if (hash === null) break;
      answered.push(hash);
      if (answered.length === 30) killed = killHard(service, exits);
    }
    await killed;
    await service.restart();
    const receipts = await Promise.all(
      answered.map((hash) => rpc<{ status: string } | null>("eth_getTransactionReceipt", hash)),
    );
    expect(receipts.filter((receipt) => receipt?.status === "0x1")).to.have.length(answered.length);
    expect(Number(await rpc("eth_blockNumber"))).to.be.within(answered.length, answered.length + 1);
  });

  it("journals the blocks of interval mining", async () => {
    const service = await start();
    const rpc = rpcTo(service.url);
    await rpc("evm_setIntervalMining", 20);
    await eventually("four blocks", async () => Number(await rpc("eth_blockNumber")) >= 4);
    await rpc("evm_setIntervalMining", 0);
    const before = await history(rpc);
    await killHard(service, exits);
    await service.restart();
    expect(await history(rpc)).to.deep.equal(before);
  });

  it("leaves out a line that is not complete, and renames a journal that was edited, and reports it", async () => {
    const service = await start();
    const rpc = rpcTo(service.url);
    await pay(rpc, 1);
    await pay(rpc, 2);
    const before = await history(rpc);
    const journal = join(dataDir, "chain", "journal.jsonl");

    await killHard(service, exits);
    appendFileSync(journal, '{"kind":"mined","number":3,"co');
    await service.restart();
    expect(await history(rpc)).to.deep.equal(before);
    expect(notes).to.be.empty;

    await killHard(service, exits);
    const edited = readFileSync(journal, "utf8").replace(
      /("number":2,.*"firstSeconds":)(\d+)/,
      (_all, before: string, seconds: string) => `${before}${Number(seconds) + 7}`,
    );
    writeFileSync(journal, edited);
    await service.restart();
    expect(await rpc("eth_blockNumber")).to.equal("0x0");
    expect(notes).to.have.length(1);
    expect(notes[0]).to.match(
      /starts empty: its journal cannot be replayed .*block 2 has another hash.*it is now .*journal-2.*\.jsonl$/,
    );
    expect(readdirSync(join(dataDir, "chain"))).to.have.length(2);
    await pay(rpc, 3);
    expect(await rpc("eth_blockNumber")).to.equal("0x1");
  });

  it("pushes new blocks to WebSocket subscribers, on the same port", async () => {
    const service = await start();
    const rpc = rpcTo(service.url);
    const provider = new WebSocketProvider(service.url.replace("http", "ws"));
    const seen = new Promise<number>((resolve, reject) => provider.once("block", resolve).catch(reject));
    await provider.getNetwork();
    await pay(rpc, 1);
    expect(await seen).to.equal(1);
    await provider.destroy();
  });

  it("starts anew on hardhat_reset, and refuses to fork", async () => {
    const service = await start();
    const rpc = rpcTo(service.url);
    await pay(rpc, 1);
    await rpc("hardhat_reset");
    expect(await rpc("eth_blockNumber")).to.equal("0x0");
    const refused = await rpc("hardhat_reset", { forking: { jsonRpcUrl: "http://127.0.0.1:1" } }).catch(String);
    expect(refused).to.match(/cannot fork another/);
    await killHard(service, exits);
    await service.restart();
    expect(await rpc("eth_blockNumber")).to.equal("0x0");
  });

  it("has the accounts of a Hardhat node, with 10,000 ETH each", async () => {
    const rpc = rpcTo((await start(false)).url);
    const accounts = await rpc<string[]>("eth_accounts");
    const root = HDNodeWallet.fromPhrase(MNEMONIC, undefined, "m/44'/60'/0'/0");
    expect(accounts).to.deep.equal(Array.from({ length: 20 }, (_, n) => root.deriveChild(n).address.toLowerCase()));
    const balances = await Promise.all(accounts.map((account) => rpc("eth_getBalance", account, "latest")));
    expect(new Set(balances)).to.deep.equal(new Set([`0x${(10n ** 22n).toString(16)}`]));
  });

  it("writes nothing when it runs in memory", async () => {
    const service = await start(false);
    const rpc = rpcTo(service.url);
    await pay(rpc, 1);
    expect(await rpc<string[]>("eth_accounts")).to.have.length(20);
    expect(await rpc("eth_chainId")).to.equal("0x7a69");
    expect(readdirSync(join(dataDir, "chain"))).to.be.empty;
  });
});

import type { EIP1193Provider } from "hardhat/types";
import type { IntervalSetting } from "./intervalMining";
import { type JournalContent, type JournalEntry, JournalError, type RecordedTransaction } from "./journal";
import { isSpentByBlock } from "./methods";
import type { ChainPosition } from "./journaledNode";
import { advanceClock, ask, toQuantity } from "./rpc";

type Mined = Extract<JournalEntry, { kind: "mined" }>;

/** A block's hash commits to all before it, so a look now and then tells early and the last look tells all. */
const LOOK_EVERY = 500;

/**
 * Makes a fresh node live through a journal again, and leaves it with the clock, the pool and the settings it had.
 *
 * @param node has just started, with the journal's genesis time
 * @param onProgress called with the number of blocks so far, now and then
 * @throws JournalError when the node comes to other blocks than the journal tells of
 */
export async function replay(
  node: EIP1193Provider,
  { header, entries }: JournalContent,
  onProgress: (blocks: number) => void = () => undefined,
): Promise<ChainPosition> {
  await expectHash(node, 0, header.genesisHash);
  const run = new Replay(node, await ask<string[]>(node, "eth_accounts"));
  await ask(node, "evm_setAutomine", false);
  let clock = { seconds: header.genesisSeconds, atMs: header.genesisSeconds * 1000 };
  const lastClock = entries.findLastIndex((entry) => entry.kind === "mined" || entry.kind === "clock");
  let nextLook = LOOK_EVERY;
  for (const [index, entry] of entries.entries()) {
    if (index === lastClock + 1) await setClock(node, clock);
    switch (entry.kind) {
      case "mined":
        await run.mine(entry);
        if (entry.count > 1 || entry.number >= nextLook) {
          await expectHash(node, entry.number, entry.hash);
          nextLook = entry.number + LOOK_EVERY;
          onProgress(entry.number);
        }
        clock = { seconds: entry.lastSeconds, atMs: entry.atMs };
        break;
      case "pooled":
        run.pool.set(entry.transaction.hash, entry.transaction);
        break;
      case "clock":
        clock = entry;
        break;
      case "call":
        if (index > lastClock || !isSpentByBlock(entry.method)) await run.call(entry.method, entry.params);
        break;
    }
  }
  const last = entries.findLast((entry) => entry.kind === "mined");
  if (last !== undefined) await expectHash(node, last.number, last.hash);
  if (lastClock === entries.length - 1) await setClock(node, clock);
  return { height: last?.number ?? 0, pool: await run.settle(), interval: run.interval };
}

class Replay {
  /** Transactions that wait for a block. The node gets each only when its block is due. */
  readonly pool = new Map<string, RecordedTransaction>();
  interval: IntervalSetting = 0;
  private automine = true;
  private readonly ownAccounts: Set<string>;
  private readonly impersonated = new Set<string>();

  constructor(
    private readonly node: EIP1193Provider,
    ownAccounts: string[],
  ) {
    this.ownAccounts = new Set(ownAccounts.map((account) => account.toLowerCase()));
  }

  async mine({ transactions, count, interval, firstSeconds, mixHash }: Mined): Promise<void> {
    for (const { hash, ...rest } of transactions) {
      // The order in the block is an order the node arrives at again: it sorts by fee, then by arrival.
      await this.send({ ...this.pool.get(hash), hash, ...rest });
      this.pool.delete(hash);
    }
    await ask(this.node, "hardhat_setPrevRandao", mixHash);
    if (count === 1) {
      await ask(this.node, "evm_mine", firstSeconds);
    } else {
      await ask(this.node, "evm_setNextBlockTimestamp", firstSeconds);
      await ask(this.node, "hardhat_mine", toQuantity(count), ...(interval === undefined ? [] : [interval]));
    }
  }

  async call(method: string, params: unknown[]): Promise<void> {
    if (method === "evm_setAutomine") {
      this.automine = params[0] === true;
    } else if (method === "evm_setIntervalMining") {
      this.interval = params[0] as IntervalSetting;
    } else if (method === "hardhat_dropTransaction") {
      this.pool.delete(String(params[0]));
    } else {
      const account = String(params[0]).toLowerCase();
      if (method === "hardhat_impersonateAccount") this.impersonated.add(account);
      if (method === "hardhat_stopImpersonatingAccount") this.impersonated.delete(account);
      await ask(this.node, method, ...params);
    }
  }

  /** Gives the node what still waits and its automine setting; returns what waits. */
  async settle(): Promise<Map<string, RecordedTransaction>> {
    for (const transaction of this.pool.values()) {
      try {
        await this.send(transaction);
      } catch {
        // Another transaction with its nonce took its place, so the node had dropped it.
        this.pool.delete(transaction.hash);
      }
    }
    if (this.automine) await ask(this.node, "evm_setAutomine", true);
    return this.pool;
  }

  private async send({ hash, raw, send }: RecordedTransaction): Promise<void> {
    if (raw !== undefined) {
      await ask(this.node, "eth_sendRawTransaction", raw);
      return;
    }
    if (send === undefined) throw new JournalError(`transaction ${hash} is mined before it is told of`);
    const from = String(send["from"]).toLowerCase();
    const isStranger = !this.ownAccounts.has(from) && !this.impersonated.has(from);
    if (isStranger) await ask(this.node, "hardhat_impersonateAccount", from);
    await ask(this.node, "eth_sendTransaction", send);
    if (isStranger) await ask(this.node, "hardhat_stopImpersonatingAccount", from);
  }
}

async function setClock(node: EIP1193Provider, clock: { seconds: number; atMs: number }): Promise<void> {
  // The node counts in whole seconds of Unix time.
  const passed = Math.floor(Date.now() / 1000) - Math.floor(clock.atMs / 1000);
  await advanceClock(node, clock.seconds + passed);
}

async function expectHash(node: EIP1193Provider, number: number, hash: string): Promise<void> {
  const block = await ask<{ hash: string } | null>(node, "eth_getBlockByNumber", toQuantity(number), false);
  if (block?.hash !== hash) throw new JournalError(`block ${number} comes out with another hash`);
}

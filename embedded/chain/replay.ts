import type { EIP1193Provider } from "hardhat/types";
import { assertNever } from "../../core/errors";
import type { IntervalSetting } from "./intervalMining";
import { type JournalContent, type JournalEntry, JournalError, type RecordedTransaction } from "./journal";
import { isSpentByBlock } from "./methods";
import type { ChainPosition } from "./journaledNode";
import { advanceClock, ask, toQuantity } from "./rpc";

type Mined = Extract<JournalEntry, { kind: "mined" }>;

/** Every so many blocks the hash is checked; each hash covers all blocks before it, so the last check covers all. */
const CHECK_EVERY_BLOCKS = 500;

/**
 * Replays a journal on a fresh node, and restores its clock, pool and settings.
 *
 * @param node has just started, with the journal's genesis time
 * @param onProgress called from time to time with the number of blocks so far
 * @throws JournalError when the node mines other blocks than the journal records
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
  let nextCheck = CHECK_EVERY_BLOCKS;
  for (const [index, entry] of entries.entries()) {
    if (index === lastClock + 1) await setClock(node, clock);
    switch (entry.kind) {
      case "mined":
        await run.mine(entry);
        if (entry.count > 1 || entry.number >= nextCheck) {
          await expectHash(node, entry.number, entry.hash);
          nextCheck = entry.number + CHECK_EVERY_BLOCKS;
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
      default:
        assertNever(entry);
    }
  }
  const last = entries.findLast((entry) => entry.kind === "mined");
  if (last !== undefined) await expectHash(node, last.number, last.hash);
  if (lastClock === entries.length - 1) await setClock(node, clock);
  return { height: last?.number ?? 0, pool: await run.restorePool(), interval: run.interval };
}

class Replay {
  /** Transactions that wait for a block. The node gets each only when its block is mined. */
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
      // The node orders a block by fee, then by arrival: sent in the block's order, they get the same order again.
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

  /** Sends the node the transactions that still wait and sets automine. @returns what waits */
  async restorePool(): Promise<Map<string, RecordedTransaction>> {
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
    if (send === undefined) throw new JournalError(`transaction ${hash} is mined before it is recorded`);
    const from = String(send["from"]).toLowerCase();
    const isForeign = !this.ownAccounts.has(from) && !this.impersonated.has(from);
    if (isForeign) await ask(this.node, "hardhat_impersonateAccount", from);
    await ask(this.node, "eth_sendTransaction", send);
    if (isForeign) await ask(this.node, "hardhat_stopImpersonatingAccount", from);
  }
}

async function setClock(node: EIP1193Provider, clock: { seconds: number; atMs: number }): Promise<void> {
  // The node counts in whole seconds of Unix time.
  const passed = Math.floor(Date.now() / 1000) - Math.floor(clock.atMs / 1000);
  await advanceClock(node, clock.seconds + passed);
}

async function expectHash(node: EIP1193Provider, number: number, hash: string): Promise<void> {
  const block = await ask<{ hash: string } | null>(node, "eth_getBlockByNumber", toQuantity(number), false);
  if (block?.hash !== hash) throw new JournalError(`block ${number} has another hash`);
}

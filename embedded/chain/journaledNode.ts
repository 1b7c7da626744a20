import { EventEmitter } from "node:events";
import type { EIP1193Provider, RequestArguments } from "hardhat/types";
import { assertNever } from "../../core/errors";
import { ReadWriteLock } from "./readWriteLock";
import { IntervalMining, type IntervalSetting } from "./intervalMining";
import type { Journal, JournalEntry, RecordedTransaction } from "./journal";
import { effectOf, outlivesRevert } from "./methods";
import { advanceClock, ask, getBlock, type RpcBlock, type RpcTransaction } from "./rpc";
import { sendArguments } from "./transaction";

/** The state of the chain when the journal is continued. */
export interface ChainPosition {
  height: number;
  /** Transactions known to the journal that no block holds yet, by hash. */
  pool: Map<string, RecordedTransaction>;
  interval: IntervalSetting;
}

/** A call that may have mined blocks. */
interface MiningCall {
  method: string;
  params: unknown[];
  /** The signed transaction, where one was sent. */
  raw: string | undefined;
  atMs: number;
}

type MinedEntry = Omit<Extract<JournalEntry, { kind: "mined" }>, "atMs">;

interface Snapshot {
  journalEnd: number;
  pool: Map<string, RecordedTransaction>;
}

/**
 * A node that journals what happens to its chain before anybody can see it.
 *
 * Every call that may change the chain runs alone; its blocks are in the journal before it is answered, before a read
 * runs and before subscribers are notified. So nobody ever saw a block that a restart does not restore.
 */
export class JournaledNode extends EventEmitter implements EIP1193Provider {
  private readonly lock = new ReadWriteLock();
  private readonly snapshots = new Map<number, Snapshot>();
  private readonly interval: IntervalMining;
  /** Entries of this run that survive a revert, with the place where they stand. */
  private settings: { at: number; entry: JournalEntry }[] = [];
  /** Notifications of a write in progress. */
  private heldNotifications: unknown[] = [];
  private height: number;
  private pool: Map<string, RecordedTransaction>;

  /** @param onJournalError called when the journal could not be written; the process must end then */
  constructor(
    private readonly node: EIP1193Provider,
    private readonly journal: Journal,
    position: ChainPosition,
    private readonly onJournalError: (error: unknown) => never,
  ) {
    super();
    this.setMaxListeners(0);
    this.height = position.height;
    this.pool = position.pool;
    this.interval = new IntervalMining(() => this.request({ method: "evm_mine" }));
    this.interval.set(position.interval);
    node.on("notification", (payload: unknown) => {
      if (this.lock.isWriting) this.heldNotifications.push(payload);
      else this.emit("notification", payload);
    });
  }

  request(args: RequestArguments): Promise<unknown> {
    const effect = effectOf(args.method);
    if (effect === "reads") return this.lock.read(() => this.node.request(args));
    return this.lock.write(async () => {
      try {
        return await this.change(effect, args);
      } finally {
        for (const payload of this.heldNotifications.splice(0)) this.emit("notification", payload);
      }
    });
  }

  private async change(
    effect: Exclude<ReturnType<typeof effectOf>, "reads">,
    args: RequestArguments,
  ): Promise<unknown> {
    const { method } = args;
    const params = (args.params ?? []) as unknown[];
    switch (effect) {
      case "sends":
      case "mines":
        return this.mine(args, params);
      case "sets": {
        const result = await this.node.request(args);
        await this.write(() => [{ kind: "call", method, params }]);
        if (method === "hardhat_dropTransaction") this.pool.delete(String(params[0]));
        return result;
      }
      case "setsInterval":
        this.interval.set(params[0] as IntervalSetting);
        await this.write(() => [{ kind: "call", method, params }]);
        return true;
      case "snapshots": {
        const id = await this.node.request(args);
        this.snapshots.set(Number(id), { journalEnd: this.journal.end, pool: new Map(this.pool) });
        return id;
      }
      case "reverts":
        return this.revert(args, Number(params[0]));
      case "resets":
        return this.reset(args, params);
      default:
        return assertNever(effect);
    }
  }

  private async mine(args: RequestArguments, params: unknown[]): Promise<unknown> {
    if (args.method === "hardhat_mine" && params[1] !== undefined && Number(params[1]) === 0) {
      // The node would mine blocks that are older than their parents and could never be mined again.
      throw new Error("This chain is journaled and mines blocks at least 1 second apart, not 0.");
    }
    const atMs = Date.now();
    let outcome: { result: unknown } | { error: unknown };
    try {
      outcome = { result: await this.node.request(args) };
    } catch (error) {
      // A transaction that reverts is an error to its sender and is mined all the same.
      outcome = { error };
    }
    const given = args.method === "eth_sendRawTransaction" ? String(params[0]) : undefined;
    await this.write(async () => {
      const entries = await this.newBlocks({ method: args.method, params, raw: given, atMs });
      if (args.method.startsWith("eth_send") && "result" in outcome) {
        entries.push(...(await this.newInPool(String(outcome.result), given, entries)));
      }
      return entries;
    });
    if ("error" in outcome) throw outcome.error;
    return outcome.result;
  }

  private async newBlocks({ method, params, raw, atMs }: MiningCall): Promise<JournalEntry[]> {
    const latest = await getBlock(this.node, "latest");
    const target = Number(latest.number);
    if (target === this.height) return [];
    const entries: JournalEntry[] = [];
    if (method === "hardhat_mine" && target - this.height > 1) {
      entries.push({ ...(await this.manyBlocks(latest, params[1], raw)), atMs });
    } else {
      for (let number = this.height + 1; number <= target; number++) {
        const block = number === target ? latest : await getBlock(this.node, number);
        entries.push({ ...minedEntry(block, block, this.recorded(block, raw)), atMs });
      }
    }
    this.height = target;
    return entries;
  }

  /** One entry for all blocks of a call: the pool goes into the first ones, the others are empty. */
  private async manyBlocks(latest: RpcBlock, interval: unknown, raw: string | undefined): Promise<MinedEntry> {
    const first = await getBlock(this.node, this.height + 1);
    const transactions: RecordedTransaction[] = [];
    for (
      let block = first;
      block.transactions.length > 0;
      block = await getBlock(this.node, Number(block.number) + 1)
    ) {
      transactions.push(...this.recorded(block, raw));
      if (block.number === latest.number) break;
    }
    const count = Number(latest.number) - this.height;
    const entry = minedEntry(first, latest, transactions);
    return { ...entry, count, ...(typeof interval === "string" ? { interval } : {}) };
  }

  private recorded(block: RpcBlock, raw: string | undefined): RecordedTransaction[] {
    return block.transactions.map((transaction) => {
      const { hash } = transaction;
      if (this.pool.delete(hash)) return { hash };
      return raw === undefined ? { hash, send: sendArguments(transaction) } : { hash, raw };
    });
  }

  private async newInPool(hash: string, raw: string | undefined, entries: JournalEntry[]): Promise<JournalEntry[]> {
    if (this.pool.has(hash)) return [];
    const isMined = entries.some(
      (entry) => entry.kind === "mined" && entry.transactions.some((one) => one.hash === hash),
    );
    if (isMined) return [];
    const transaction: RecordedTransaction =
      raw === undefined
        ? { hash, send: sendArguments(await ask<RpcTransaction>(this.node, "eth_getTransactionByHash", hash)) }
        : { hash, raw };
    this.pool.set(hash, transaction);
    return [{ kind: "pooled", transaction }];
  }

  private async revert(args: RequestArguments, id: number): Promise<unknown> {
    const result = await this.node.request(args);
    const snapshot = this.snapshots.get(id);
    if (result !== true || snapshot === undefined) return result;
    await this.write(async () => {
      this.journal.cut(snapshot.journalEnd);
      for (const other of [...this.snapshots.keys()]) if (other >= id) this.snapshots.delete(other);
      this.pool = snapshot.pool;
      this.height = Number((await getBlock(this.node, "latest")).number);
      const surviving = this.settings.filter(({ at }) => at >= snapshot.journalEnd).map(({ entry }) => entry);
      this.settings = this.settings.filter(({ at }) => at < snapshot.journalEnd);
      // The node sets its clock back to the snapshot's.
      const atMs = Date.now();
      const seconds = Number((await getBlock(this.node, "pending")).timestamp);
      return [...surviving, { kind: "clock", seconds, atMs }];
    });
    return result;
  }

  private async reset(args: RequestArguments, params: unknown[]): Promise<unknown> {
    if (params[0] !== undefined) {
      throw new Error("This chain is journaled and cannot fork another; use a node in memory for that.");
    }
    const result = await this.node.request(args);
    await this.write(async () => {
      this.journal.cut(this.journal.start);
      this.snapshots.clear();
      this.settings = [];
      this.pool = new Map();
      this.height = 0;
      this.interval.set(0);
      await advanceClock(this.node, Math.floor(Date.now() / 1000));
      return [];
    });
    return result;
  }

  /** Whatever fails in here, the journal lacks something that the chain has: the process must end before it is seen. */
  private async write(entries: () => JournalEntry[] | Promise<JournalEntry[]>): Promise<void> {
    try {
      const found = await entries();
      for (const entry of found) {
        if (entry.kind === "call" && outlivesRevert(entry.method)) this.settings.push({ at: this.journal.end, entry });
      }
      this.journal.append(found);
    } catch (error) {
      this.onJournalError(error);
    }
  }
}

function minedEntry(first: RpcBlock, last: RpcBlock, transactions: RecordedTransaction[]): MinedEntry {
  return {
    kind: "mined",
    number: Number(last.number),
    count: 1,
    firstSeconds: Number(first.timestamp),
    lastSeconds: Number(last.timestamp),
    mixHash: first.mixHash,
    transactions,
    hash: last.hash,
  };
}

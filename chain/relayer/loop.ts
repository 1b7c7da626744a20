import { sleep } from "../../core/clock";
import { messageOf } from "../../core/errors";
import type { FailoverProvider } from "../provider";
import { openBroadcaster } from "./broadcast";
import { raiseFees, suggestFees, type Fees } from "./fees";
import { type ChainView, feesOf, latestAttempt, nextMove } from "./nextAction";
import type { Account, RelayerTransaction } from "./transactions";
import { FILLER, hasHandler, type RelayerOptions } from "./handlers";
import { openSettler } from "./confirm";

/** What one round did. */
export interface PumpReport {
  underWay: number;
  sent: number;
  settled: number;
  replaced: number;
}

/** Drives kept transactions to their end; safe to run in any number of processes at once. */
export interface Pump {
  look(): Promise<{ account: Account; chainNonce: number }>;
  round(): Promise<PumpReport>;
  wake(): void;
  start(): void;
  close(): Promise<void>;
}

/** Transactions taken in hand in one round. */
const ROUND_LIMIT = 256;

/** Opens the pump of one relayer. */
export function openPump(options: RelayerOptions): Pump {
  const { provider, chainId, signer, outbox, clock, logger, stuckSeconds } = options;
  const closing = new AbortController();
  const broadcastInOrder = openBroadcaster(options);
  const settleAll = openSettler(options);
  let awake = new AbortController();
  let running: Promise<void> | undefined;

  async function look() {
    const [genesisHash, count] = await Promise.all([
      genesisHashOf(provider),
      provider.getTransactionCount(signer.address, "latest"),
    ]);
    return { account: { scope: `${chainId}:${genesisHash}`, relayer: signer.address }, chainNonce: count };
  }

  async function round(): Promise<PumpReport> {
    const { account, chainNonce } = await look();
    const unfinished = await outbox.unfinished(account, chainNonce, ROUND_LIMIT);
    const report: PumpReport = { underWay: unfinished.length, sent: 0, settled: 0, replaced: 0 };
    if (unfinished.length === 0) return report;

    const now = clock.now();
    const view: ChainView = { chainNonce, suggested: await suggestFees(provider) };
    await fillGap(account, unfinished, view, now);
    const due: RelayerTransaction[] = [];
    const ended: RelayerTransaction[] = [];
    for (const transaction of unfinished) {
      // Of a worker of another version, which has to be told what becomes of it.
      if (!hasHandler(options, transaction)) continue;
      switch (nextMove(transaction, view, now, stuckSeconds)) {
        case "settle":
          ended.push(transaction);
          break;
        case "reopen":
          await outbox.reopen(transaction._id, now);
          break;
        case "replace":
          report.replaced += await replace(transaction, view.suggested, now, false);
          break;
        case "fill":
          report.replaced += await replace(transaction, view.suggested, now, true);
          break;
        case "broadcast":
          due.push(transaction);
          break;
        case "wait":
          break;
      }
    }
    report.settled = await settleAll(ended, now);
    report.sent = await broadcastInOrder(due);
    return report;
  }

  async function replace(
    transaction: RelayerTransaction,
    suggested: Fees,
    now: Date,
    filler: boolean,
  ): Promise<number> {
    const latest = latestAttempt(transaction);
    const { nonce, to, data } = transaction;
    const fees = raiseFees(feesOf(latest), suggested);
    const call = { to, data };
    const next = await signer.sign({ call, nonce, gasLimit: BigInt(transaction.gasLimit), fees, filler });
    if (!(await outbox.addAttempt(transaction, next, now))) return 0;
    logger.info({ nonce, filler, replaces: latest.hash, by: next.hash }, "transaction replaced with a higher bid");
    return 1;
  }

  /** A nonce nobody holds blocks all behind it, for instance after a reorg dropped somebody else's use of the key. */
  async function fillGap(account: Account, unfinished: RelayerTransaction[], view: ChainView, now: Date) {
    const lowest = unfinished.find(({ nonce }) => nonce >= view.chainNonce);
    if (lowest === undefined || lowest.nonce === view.chainNonce) return;
    if (now.getTime() - lowest.createdAt.getTime() < stuckSeconds * 1000) return;
    const nonce = view.chainNonce;
    const call = { to: signer.address, data: "0x" };
    const attempt = await signer.sign({ call, nonce, gasLimit: 21_000n, fees: view.suggested, filler: true });
    const name = `filler/${account.relayer}/${nonce}`;
    await outbox.insert({
      ...account,
      ...{
        nonce,
        kind: FILLER,
        subject: name,
        key: name,
        ...call,
        gasLimit: "21000",
        attempts: [attempt],
        attemptCount: 1,
      },
      ...{ state: "pending", open: true, broadcastAt: null, nextBroadcastAt: now, refusals: 0, missingSince: null },
      createdAt: now,
    });
    logger.warn({ nonce }, "nobody holds this nonce; it is spent on nothing so that later ones are mined");
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      awake = new AbortController();
      const progress = await attemptRound();
      if (!progress) await sleep(options.pollMs, AbortSignal.any([closing.signal, awake.signal]));
    }
  }

  async function attemptRound(): Promise<boolean> {
    try {
      const { sent, settled, replaced } = await round();
      return sent + settled + replaced > 0;
    } catch (error) {
      logger.warn(
        { err: error, reason: messageOf(error) },
        "the relayer could not look after its transactions; it tries again",
      );
      return false;
    }
  }

  return {
    look,
    round,
    wake: () => awake.abort(),
    start() {
      running ??= run();
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}

async function genesisHashOf(provider: FailoverProvider): Promise<string> {
  const genesis = (await provider.send("eth_getBlockByNumber", ["0x0", false])) as { hash: string };
  return genesis.hash;
}

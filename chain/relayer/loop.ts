import { sleep } from "../../core/clock";
import { messageOf } from "../../core/errors";
import type { FailoverProvider } from "../provider";
import { createBroadcaster } from "./broadcast";
import { raiseFees, suggestFees, type Fees } from "./fees";
import { type ChainView, feesOf, latestAttempt, nextAction } from "./nextAction";
import type { Account, RelayerTransaction } from "./transactions";
import { NONCE_GAP, hasHandler, type RelayerOptions } from "./handlers";
import { createConfirmer } from "./confirm";

/** What one tick did. */
export interface TickReport {
  unfinished: number;
  sent: number;
  confirmed: number;
  replaced: number;
}

/** Drives kept transactions to their end; safe to run in any number of processes at once. */
export interface RelayerLoop {
  readAccount(): Promise<{ account: Account; chainNonce: number }>;
  tick(): Promise<TickReport>;
  wake(): void;
  start(): void;
  close(): Promise<void>;
}

/** Transactions taken handled in one tick. */
const TICK_LIMIT = 256;

/** Opens the pump of one relayer. */
export function createRelayerLoop(options: RelayerOptions): RelayerLoop {
  const { provider, chainId, signer, transactions, clock, logger, stuckSeconds } = options;
  const closing = new AbortController();
  const broadcastAll = createBroadcaster(options);
  const confirmAll = createConfirmer(options);
  let awake = new AbortController();
  let running: Promise<void> | undefined;

  async function readAccount() {
    const [genesisHash, count] = await Promise.all([
      genesisHashOf(provider),
      provider.getTransactionCount(signer.address, "latest"),
    ]);
    return { account: { scope: `${chainId}:${genesisHash}`, relayer: signer.address }, chainNonce: count };
  }

  async function tick(): Promise<TickReport> {
    const { account, chainNonce } = await readAccount();
    const unfinished = await transactions.unfinished(account, chainNonce, TICK_LIMIT);
    const report: TickReport = { unfinished: unfinished.length, sent: 0, confirmed: 0, replaced: 0 };
    if (unfinished.length === 0) return report;

    const now = clock.now();
    const view: ChainView = { chainNonce, suggested: await suggestFees(provider) };
    await fillGap(account, unfinished, view, now);
    const due: RelayerTransaction[] = [];
    const ended: RelayerTransaction[] = [];
    for (const transaction of unfinished) {
      // Of a worker of another version, which has to be told what becomes of it.
      if (!hasHandler(options, transaction)) continue;
      switch (nextAction(transaction, view, now, stuckSeconds)) {
        case "confirm":
          ended.push(transaction);
          break;
        case "reopen":
          await transactions.reopen(transaction._id, now);
          break;
        case "replace":
          report.replaced += await replace(transaction, view.suggested, now, false);
          break;
        case "cancel":
          report.replaced += await replace(transaction, view.suggested, now, true);
          break;
        case "broadcast":
          due.push(transaction);
          break;
        case "wait":
          break;
      }
    }
    report.confirmed = await confirmAll(ended, now);
    report.sent = await broadcastAll(due);
    return report;
  }

  async function replace(
    transaction: RelayerTransaction,
    suggested: Fees,
    now: Date,
    cancellation: boolean,
  ): Promise<number> {
    const latest = latestAttempt(transaction);
    const { nonce, to, data } = transaction;
    const fees = raiseFees(feesOf(latest), suggested);
    const call = { to, data };
    const next = await signer.sign({ call, nonce, gasLimit: BigInt(transaction.gasLimit), fees, cancellation });
    if (!(await transactions.addAttempt(transaction, next, now))) return 0;
    logger.info(
      { nonce, cancellation, replaces: latest.hash, by: next.hash },
      "transaction replaced with a higher bid",
    );
    return 1;
  }

  /** A nonce nobody holds blocks all behind it, for instance after a reorg dropped somebody else's use of the key. */
  async function fillGap(account: Account, unfinished: RelayerTransaction[], view: ChainView, now: Date) {
    const lowest = unfinished.find(({ nonce }) => nonce >= view.chainNonce);
    if (lowest === undefined || lowest.nonce === view.chainNonce) return;
    if (now.getTime() - lowest.createdAt.getTime() < stuckSeconds * 1000) return;
    const nonce = view.chainNonce;
    const call = { to: signer.address, data: "0x" };
    const attempt = await signer.sign({ call, nonce, gasLimit: 21_000n, fees: view.suggested, cancellation: true });
    const name = `nonce_gap/${account.relayer}/${nonce}`;
    await transactions.insert({
      ...account,
      ...{
        nonce,
        kind: NONCE_GAP,
        subject: name,
        key: name,
        ...call,
        gasLimit: "21000",
        attempts: [attempt],
        attemptCount: 1,
      },
      ...{ state: "pending", open: true, broadcastAt: null, nextBroadcastAt: now, rejections: 0, missingSince: null },
      createdAt: now,
    });
    logger.warn({ nonce }, "nobody holds this nonce; it is spent on nothing so that later ones are mined");
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      awake = new AbortController();
      const progress = await attemptTick();
      if (!progress) await sleep(options.pollMs, AbortSignal.any([closing.signal, awake.signal]));
    }
  }

  async function attemptTick(): Promise<boolean> {
    try {
      const { sent, confirmed, replaced } = await tick();
      return sent + confirmed + replaced > 0;
    } catch (error) {
      logger.warn(
        { err: error, reason: messageOf(error) },
        "the relayer could not look after its transactions; it tries again",
      );
      return false;
    }
  }

  return {
    readAccount,
    tick,
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

import { expect } from "chai";
import { raiseFees } from "../../../chain/relayer/fees";
import { MAX_ATTEMPTS, nextAction } from "../../../chain/relayer/nextAction";
import type { Attempt, RelayerTransaction } from "../../../chain/relayer/transaction";
import { readNodeError } from "../../../chain/relayer/nodeErrors";

const NOW = new Date("2026-11-21T12:00:00Z");
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);
const GWEI = 10n ** 9n;
const fees = (max: bigint, tip = GWEI) => ({
  market: "eip1559" as const,
  maxFeePerGas: max,
  maxPriorityFeePerGas: tip,
});

function transaction(over: Partial<RelayerTransaction> = {}, attempt: Partial<Attempt> = {}): RelayerTransaction {
  const first: Attempt = {
    hash: "0x01",
    raw: "0x02",
    market: "eip1559",
    cancellation: false,
    signedAt: ago(100),
    maxFeePerGas: (10n * GWEI).toString(),
    maxPriorityFeePerGas: GWEI.toString(),
    ...attempt,
  };
  return {
    _id: "scope/relayer/5",
    scope: "scope",
    relayer: "relayer",
    nonce: 5,
    kind: "test",
    requests: [{ subject: "s", key: "k" }],
    to: "0x",
    data: "0x",
    gasLimit: "21000",
    attempts: [first],
    attemptCount: 1,
    state: "pending",
    open: true,
    broadcastAt: ago(10),
    nextBroadcastAt: ago(-50),
    rejections: 0,
    missingSince: null,
    charges: [],
    isSettled: false,
    expiresAt: null,
    createdAt: ago(100),
    ...over,
  };
}

const action = (
  over: Partial<RelayerTransaction>,
  chainNonce = 5,
  suggested = 10n * GWEI,
  attempt: Partial<Attempt> = {},
) => nextAction(transaction(over, attempt), { chainNonce, suggested: fees(suggested) }, NOW, 60);

describe("the relayer's next action for a transaction", () => {
  it("is to send what no node has yet, and again what its node may have forgotten", () => {
    expect(action({ broadcastAt: null, nextBroadcastAt: NOW })).to.equal("broadcast");
    expect(action({ nextBroadcastAt: ago(1) })).to.equal("broadcast");
    expect(action({})).to.equal("wait");
  });

  it("is to confirm it once its nonce is used, and nothing more afterwards", () => {
    expect(action({}, 6)).to.equal("confirm");
    expect(action({ state: "mined", open: false }, 6)).to.equal("wait");
  });

  it("is to take it up again when a reorg gave its nonce back", () => {
    expect(action({ state: "mined", open: false }, 5)).to.equal("reopen");
    expect(action({ state: "reverted", open: false }, 4)).to.equal("reopen");
  });

  it("is to raise the bid of the next in line from the moment it is stuck", () => {
    expect(action({ broadcastAt: ago(60) })).to.equal("replace");
    expect(action({ broadcastAt: ago(59) })).to.equal("wait");
    expect(action({ broadcastAt: ago(100) }, 5, 10n * GWEI, { signedAt: ago(59) })).to.equal("wait");
  });

  it("is to wait behind others, unless its bid fell below half of what is asked", () => {
    expect(action({ broadcastAt: ago(600) }, 3)).to.equal("wait");
    expect(action({ broadcastAt: ago(600) }, 3, 20n * GWEI)).to.equal("wait");
    expect(action({ broadcastAt: ago(600) }, 3, 21n * GWEI)).to.equal("replace");
  });

  it("is never to bid without end", () => {
    expect(action({ broadcastAt: ago(600), attemptCount: MAX_ATTEMPTS })).to.equal("wait");
  });

  it("is to spend its nonce on nothing once its time is over, and to stay with that", () => {
    const expiresAt = ago(0);
    expect(action({ expiresAt })).to.equal("cancel");
    expect(action({ expiresAt, broadcastAt: null, nextBroadcastAt: NOW })).to.equal("cancel");
    expect(action({ expiresAt: ago(-1) })).to.equal("wait");
    const cancelled = { expiresAt, broadcastAt: ago(400), attemptCount: 2 };
    expect(action(cancelled, 5, 10n * GWEI, { cancellation: true, signedAt: ago(300) })).to.equal("cancel");
    expect(action({ expiresAt }, 5, 10n * GWEI, { cancellation: true, signedAt: ago(10) })).to.equal("wait");
  });

  it("is to sign anew, then to give its nonce away, when nodes keep rejecting it", () => {
    const rejected = { broadcastAt: null, rejections: 3, nextBroadcastAt: NOW };
    expect(action(rejected)).to.equal("replace");
    expect(action({ ...rejected, attemptCount: 2 })).to.equal("cancel");
    expect(action({ ...rejected, attemptCount: 3 }, 5, GWEI, { cancellation: true })).to.equal("broadcast");
    expect(action(rejected, 4)).to.equal("broadcast");
  });
});

describe("a replacement's bid", () => {
  it("is more than an eighth above the one it replaces, in both parts", () => {
    for (const [max, tip] of [
      [10n * GWEI, GWEI],
      [1n, 0n],
      [7n, 3n],
    ] as const) {
      const raised = raiseFees(fees(max, tip), fees(0n, 0n));
      if (raised.market !== "eip1559") throw new Error("another market");
      expect(raised.maxFeePerGas * 8n > max * 9n).to.equal(true);
      expect(raised.maxPriorityFeePerGas * 8n > tip * 9n).to.equal(true);
      expect(raised.maxFeePerGas >= raised.maxPriorityFeePerGas).to.equal(true);
    }
  });

  it("is what the chain suggests where that is more", () => {
    expect(raiseFees(fees(10n), fees(1_000n, 500n))).to.include({ maxFeePerGas: (GWEI * 5n) / 4n + 1n });
    expect(raiseFees(fees(10n, 1n), fees(1_000n, 500n))).to.deep.equal(fees(1_000n, 500n));
    expect(raiseFees({ market: "legacy", gasPrice: 8n }, { market: "legacy", gasPrice: 100n })).to.deep.equal({
      market: "legacy",
      gasPrice: 100n,
    });
  });
});

describe("a node's rejection of a transaction", () => {
  const said = (message: string) => ({ error: { code: -32000, message } });
  for (const [message, answer] of [
    ["already known", "already_known"],
    ["Known transaction: 0xabc", "already_known"],
    ["nonce too low: next nonce 5, tx nonce 4", "nonce_used"],
    ["Nonce too low. Expected nonce to be 5 but got 4.", "nonce_used"],
    [
      "Nonce too high. Expected nonce to be 5 but got 7. Note that transactions can't be queued when automining.",
      "nonce_too_high",
    ],
    ["replacement transaction underpriced", "underpriced"],
    ["Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 7", "underpriced"],
    ["max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 7", "underpriced"],
    ["insufficient funds for gas * price + value: balance 0, tx cost 1", "insufficient_funds"],
    [
      "Sender doesn't have enough funds to send tx. The max upfront cost is: 1 and the sender's balance is: 0.",
      "insufficient_funds",
    ],
    ["reverted with custom error 'AlreadyRegistered'", "unclear"],
  ] as const) {
    it(`"${message.slice(0, 40)}" means ${answer}`, () => {
      expect(readNodeError(said(message))).to.equal(answer);
      expect(readNodeError({ info: said(message) })).to.equal(answer);
    });
  }
});

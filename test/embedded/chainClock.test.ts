import { expect } from "chai";
import type { EIP1193Provider } from "hardhat/types";
import { advanceClock } from "../../embedded/chain/rpc";

/** A node whose clock is `clock`, and whose latest block carries `latest`, both in Unix seconds. */
function nodeAt(latest: number, clock: number): { node: EIP1193Provider; clock(): number } {
  let now = clock;
  const request = ({ method, params }: { method: string; params?: unknown }) => {
    const [argument] = params as [string | number];
    if (method === "evm_increaseTime") now += Number(argument);
    // Two blocks never carry the same time: a pending one is at least a second later than the latest.
    const timestamp = argument === "latest" ? latest : Math.max(now, latest + 1);
    return Promise.resolve(method === "eth_getBlockByNumber" ? { timestamp: `0x${timestamp.toString(16)}` } : now);
  };
  return { node: { request } as unknown as EIP1193Provider, clock: () => now };
}

describe("the clock of the embedded chain", () => {
  const LATEST = 1_700_000_000;

  it("never stands before the time it is moved to, nor more than a second after it", async () => {
    for (const ahead of [0, 1, 2, 5]) {
      for (const seconds of [LATEST + 1, LATEST + 2, LATEST + 3, LATEST + 60]) {
        const { node, clock } = nodeAt(LATEST, LATEST + ahead);
        await advanceClock(node, seconds);
        const least = Math.max(seconds, LATEST + ahead);
        expect(clock(), `${ahead} s ahead, moved to +${seconds - LATEST}`).to.be.within(least, least + 1);
      }
    }
  });

  it("is not moved to a time the latest block has reached", async () => {
    const { node, clock } = nodeAt(LATEST, LATEST);
    await advanceClock(node, LATEST);
    expect(clock()).to.equal(LATEST);
  });
});

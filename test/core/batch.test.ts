import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import { createBatch } from "../../core/batch";

describe("calls that share an exchange", () => {
  it("get each their own answer, in groups no larger than allowed", async () => {
    const groups: number[] = [];
    const square = createBatch(async (asked: number[]) => {
      groups.push(asked.length);
      await delay(2);
      return asked.map((one) => one * one);
    }, 10);
    const asked = Array.from({ length: 95 }, (_, index) => index);
    expect(await Promise.all(asked.map(square))).to.deep.equal(asked.map((one) => one * one));
    expect(groups).to.deep.equal([10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
  });

  it("wait for the exchange under way and then go out together, one group at a time", async () => {
    let underWay = 0;
    const groups: string[][] = [];
    const ask = createBatch(async (asked: string[]) => {
      underWay += 1;
      expect(underWay).to.equal(1);
      groups.push(asked);
      await delay(10);
      underWay -= 1;
      return asked;
    }, 64);
    const first = ask("first");
    await delay(3);
    await Promise.all([first, ask("second"), ask("third")]);
    expect(groups).to.deep.equal([["first"], ["second", "third"]]);
  });

  it("do not wait for one that hangs once they fill a group", async () => {
    let release: () => void = () => undefined;
    const ask = createBatch(async (asked: number[]) => {
      if (asked.includes(0)) await new Promise<void>((resolve) => (release = resolve));
      return asked;
    }, 3);
    const hanging = ask(0);
    await delay(3);
    expect(await Promise.all([1, 2, 3].map(ask))).to.deep.equal([1, 2, 3]);
    release();
    expect(await hanging).to.equal(0);
  });

  it("all get the error of their exchange, and later ones are not harmed", async () => {
    let fails = true;
    const ask = createBatch(
      (asked: number[]) => (fails ? Promise.reject(new Error("away")) : Promise.resolve(asked)),
      64,
    );
    const outcomes = await Promise.allSettled([ask(1), ask(2)]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["rejected", "rejected"]);
    fails = false;
    expect(await ask(3)).to.equal(3);
  });
});

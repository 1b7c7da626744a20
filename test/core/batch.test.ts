import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import { createBatch } from "../../core/batch";

describe("calls that share an exchange", () => {
  it("get each their own answer, in groups no larger than allowed", async () => {
    const groups: number[] = [];
    const square = createBatch({
      run: async (asked: number[]) => {
        groups.push(asked.length);
        await delay(2);
        return asked.map((one) => one * one);
      },
      maxSize: 10,
      waitFor: "running",
    });
    const asked = Array.from({ length: 95 }, (_, index) => index);
    expect(await Promise.all(asked.map(square))).to.deep.equal(asked.map((one) => one * one));
    expect(groups).to.deep.equal([10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
  });

  it("wait for the exchange under way and then go out together, one group at a time", async () => {
    let underWay = 0;
    const groups: string[][] = [];
    const ask = createBatch({
      run: async (asked: string[]) => {
        underWay += 1;
        expect(underWay).to.equal(1);
        groups.push(asked);
        await delay(10);
        underWay -= 1;
        return asked;
      },
      maxSize: 64,
      waitFor: "running",
    });
    const first = ask("first");
    await delay(3);
    await Promise.all([first, ask("second"), ask("third")]);
    expect(groups).to.deep.equal([["first"], ["second", "third"]]);
  });

  it("do not wait for one that hangs once they fill a group", async () => {
    let release: () => void = () => undefined;
    const ask = createBatch({
      run: async (asked: number[]) => {
        if (asked.includes(0)) await new Promise<void>((resolve) => (release = resolve));
        return asked;
      },
      maxSize: 3,
      waitFor: "running",
    });
    const hanging = ask(0);
    await delay(3);
    expect(await Promise.all([1, 2, 3].map(ask))).to.deep.equal([1, 2, 3]);
    release();
    expect(await hanging).to.equal(0);
  });

  it("all get the error of their exchange, and later ones are not harmed", async () => {
    let fails = true;
    const ask = createBatch({
      run: (asked: number[]) => (fails ? Promise.reject(new Error("away")) : Promise.resolve(asked)),
      maxSize: 64,
      waitFor: "running",
    });
    const outcomes = await Promise.allSettled([ask(1), ask(2)]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["rejected", "rejected"]);
    fails = false;
    expect(await ask(3)).to.equal(3);
  });

  it("run side by side where they wait for their turn of the event loop alone", async () => {
    const groups: string[][] = [];
    let release: () => void = () => undefined;
    const ask = createBatch({
      run: async (asked: string[]) => {
        groups.push(asked);
        if (asked.includes("hangs")) await new Promise<void>((resolve) => (release = resolve));
        return asked;
      },
      maxSize: 64,
      waitFor: "turn",
    });
    const hanging = ask("hangs");
    await delay(3);
    expect(await Promise.all([ask("second"), ask("third")])).to.deep.equal(["second", "third"]);
    release();
    expect(await hanging).to.equal("hangs");
    expect(groups).to.deep.equal([["hangs"], ["second", "third"]]);
  });

  it("reject alone whose answer is an error", async () => {
    const ask = createBatch({
      run: (asked: number[]) => Promise.resolve(asked.map((one) => (one === 2 ? new Error("no two") : one))),
      maxSize: 64,
      waitFor: "turn",
    });
    const outcomes = await Promise.allSettled([1, 2, 3].map(ask));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["fulfilled", "rejected", "fulfilled"]);
  });

  it("never share a batch with another of the same key", async () => {
    const groups: string[][] = [];
    const ask = createBatch({
      run: (asked: string[]) => {
        groups.push(asked);
        return Promise.resolve(asked);
      },
      maxSize: 64,
      waitFor: "turn",
      keyOf: (word) => word[0],
    });
    await Promise.all(["apple", "banana", "avocado", "cherry", "blueberry"].map(ask));
    expect(groups).to.deep.equal([
      ["apple", "banana"],
      ["avocado", "cherry", "blueberry"],
    ]);
  });

  it("follow a limit that changes", async () => {
    const sizes: number[] = [];
    let limit = 4;
    const ask = createBatch({
      run: (asked: number[]) => {
        sizes.push(asked.length);
        limit = 2;
        return Promise.resolve(asked);
      },
      maxSize: () => limit,
      waitFor: "turn",
    });
    await Promise.all(Array.from({ length: 8 }, (_, index) => ask(index)));
    expect(sizes).to.deep.equal([4, 2, 2]);
  });
});

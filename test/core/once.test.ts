import { expect } from "chai";
import { messageOf } from "../../core/errors";
import { once } from "../../core/once";

describe("what is made once", () => {
  it("is made for the first of sixteen that need it at the same time, and kept", async () => {
    let made = 0;
    const get = once(() => Promise.resolve((made += 1)));
    expect(made).to.equal(0);
    expect(new Set(await Promise.all(Array.from({ length: 16 }, get)))).to.deep.equal(new Set([1]));
    expect(await get()).to.equal(1);
  });

  it("is tried again when it failed, and the error reaches who asked", async () => {
    const outcomes = [Promise.reject(new Error("no key")), Promise.resolve("a key")];
    const get = once(() => outcomes.shift() ?? Promise.reject(new Error("made too often")));
    expect(await get().catch(messageOf)).to.equal("no key");
    expect(await get()).to.equal("a key");
    expect(await get()).to.equal("a key");
  });
});

import { expect } from "chai";
import { createLruCache } from "../../core/lruCache";

describe("an LRU cache", () => {
  it("gives back what was set, and the newest value of a key", () => {
    const cache = createLruCache<number>(2);
    cache.set("a", 1);
    cache.set("a", 2);
    expect(cache.get("a")).to.equal(2);
    expect(cache.get("b")).to.equal(undefined);
  });

  it("drops the value that was used longest ago when it is full, reading being a use", () => {
    const cache = createLruCache<number>(2);
    cache.set("a", 1);
    cache.set("b", 2);
    cache.get("a");
    cache.set("c", 3);
    expect(["a", "b", "c"].map((key) => cache.get(key))).to.deep.equal([1, undefined, 3]);
  });
});

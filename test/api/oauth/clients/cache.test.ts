import { expect } from "chai";
import { cacheClients } from "../../../../api/oauth/clients/cache";
import type { OAuthClient } from "../../../../api/oauth/clients/rules";

describe("cached clients", () => {
  it("are read again after five seconds, and at once while there is none", async () => {
    let nowMs = 0;
    let stored: OAuthClient | null = null;
    let reads = 0;
    const clients = cacheClients(
      {
        find: () => {
          reads += 1;
          return Promise.resolve(stored);
        },
      },
      () => nowMs,
    );
    expect(await clients.find("shop")).to.equal(null);
    const shop = { clientId: "shop" } as OAuthClient;
    stored = shop;
    expect(await clients.find("shop"), "a new client").to.equal(shop);
    stored = null;
    nowMs = 4_999;
    expect(await clients.find("shop"), "a removed client").to.equal(shop);
    expect(reads).to.equal(2);
    nowMs = 5_000;
    expect(await clients.find("shop"), "a removed client after five seconds").to.equal(null);
  });
});

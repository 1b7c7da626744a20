import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { createSealer, credentialsContext } from "../../../../api/oauth/clients/sealer";

describe("a verifier's credentials at rest", () => {
  it("open for their client and verifier alone", async () => {
    const key = randomBytes(32);
    const sealer = createSealer(() => Promise.resolve(key));
    const shop = { clientId: "shop", verifierUrl: "https://verifier.example" };
    const sealed = await sealer.seal("Authorization: Bearer secret", credentialsContext(shop));
    expect(await sealer.open(sealed, credentialsContext(shop))).to.equal("Authorization: Bearer secret");
    for (const change of [{ clientId: "zoo" }, { verifierUrl: "https://elsewhere.example" }]) {
      const opened = await sealer
        .open(sealed, credentialsContext({ ...shop, ...change }))
        .catch((error: unknown) => (error as { code: string }).code);
      expect(opened, JSON.stringify(change)).to.equal("oauth.unreadable_credentials");
    }
  });
});

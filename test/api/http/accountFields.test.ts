import { expect } from "chai";
import { ADMIN_KEY, type Fixture, fixture } from "../../support/fixture";

const GOOD = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const MISTYPED = `0x70997970c${GOOD.slice(11)}`;

describe("addresses, DIDs and signatures that are mistyped", () => {
  let api: Fixture;
  let token: string;

  before(async () => {
    api = await fixture("account-fields", {
      modules: ["sessions", "wallets", "control", "issuers", "credentials", "audit", "statusLists", "verification"],
      chain: true,
    });
    ({ token } = await api.newUser());
  });
  after(() => api.close());

  const signature = `0x${"11".repeat(65)}`;
  /** Every operation on a wallet that takes an address. */
  const onWallets = (walletAddress: string) =>
    [
      ["POST", "/auth/wallet/challenge", { walletAddress, purpose: "login" }],
      ["POST", "/auth/wallet/challenge", { walletAddress, purpose: "link" }],
      ["POST", "/auth/wallet/challenge", { walletAddress, purpose: "anchor" }],
      ["POST", "/auth/wallet/link", { walletAddress, signature }],
      ["POST", "/auth/wallet/verify", { walletAddress, signature, nonce: "0".repeat(32) }],
      ["POST", `/auth/wallets/${walletAddress}/anchor`, {}],
      ["DELETE", `/auth/wallets/${walletAddress}`, undefined],
    ] as const;

  it("are refused by every operation on wallets, and the error names what is wrong", async () => {
    for (const [address, code] of [
      ["0xZz", "address.malformed"],
      [`0x${"Z".repeat(40)}`, "address.malformed"],
      [MISTYPED, "address.checksum_mismatch"],
    ] as const) {
      for (const [method, path, body] of onWallets(address)) {
        const answer = await api.ask(method, path, { token, body });
        expect([answer.status, answer.body.code], `${method} ${path} ${answer.text}`).to.deep.equal([
          400,
          "request.invalid",
        ]);
        expect((answer.body["errors"] as unknown as { code: string }[]).map((error) => error.code)).to.deep.equal([
          code,
        ]);
      }
    }
  });

  it("are refused wherever else an address or a DID is taken", async () => {
    const did = `did:mychain:${MISTYPED}`;
    const { body: added } = await api.ask("POST", "/issuers", { token: ADMIN_KEY, body: { name: "University" } });
    for (const [method, path, code, body, key] of [
      ["GET", `/issuers/${MISTYPED}`, "address.checksum_mismatch", undefined, undefined],
      ["GET", `/audit/events?subject=${MISTYPED}`, "address.checksum_mismatch", undefined, undefined],
      ["GET", `/audit/revocations?issuer=${MISTYPED}`, "address.checksum_mismatch", undefined, undefined],
      ["GET", `/status-lists/${MISTYPED}/revocation/0`, "address.checksum_mismatch", undefined, undefined],
      ["GET", `/credentials?issuer=${MISTYPED}`, "address.checksum_mismatch", undefined, token],
      ["POST", "/control/change-controller/typed-data", "did.checksum_mismatch", { did, newController: GOOD }, token],
      [
        "POST",
        "/credentials/issue",
        "did.checksum_mismatch",
        { subjectDid: did, type: "Any", claims: {} },
        added["apiKey"] as unknown as string,
      ],
    ] as const) {
      const answer = await api.ask(method, path, { token: key, body });
      expect([answer.status, answer.body.code], `${path} ${answer.text}`).to.deep.equal([400, "request.invalid"]);
      expect((answer.body["errors"] as unknown as { code: string }[])[0]?.code, path).to.equal(code);
    }
  });

  it("are no signature at all: the answer is signature.malformed", async () => {
    for (const text of ["", "0x", "0x1", "0xzz", "hello"]) {
      for (const [path, body] of [
        ["/auth/wallet/link", { walletAddress: GOOD, signature: text }],
        ["/auth/wallet/verify", { walletAddress: GOOD, signature: text, nonce: "0".repeat(32) }],
        [`/auth/wallets/${GOOD}/anchor`, { registrationSignature: text }],
      ] as const) {
        const answer = await api.ask("POST", path, { token, body });
        expect([answer.status, answer.body.code], `${path} ${text}`).to.deep.equal([400, "signature.malformed"]);
      }
    }
  });
});

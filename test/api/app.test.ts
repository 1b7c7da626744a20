import { expect } from "chai";
import { Wallet } from "ethers";
import { cookieFrom, startTestApi, type TestApi } from "./support/testApi";
import { openStage, type Stage } from "./wallets/stage";

describe("the api put together", () => {
  let stage: Stage;
  let api: TestApi;
  before(async () => {
    stage = await openStage("app");
    api = await startTestApi("app", { chain: stage.chain });
  });
  after(async () => {
    await api.close();
    await stage.close();
  });

  async function link(token: string): Promise<Wallet> {
    const wallet = new Wallet(Wallet.createRandom().privateKey);
    const { address: walletAddress } = wallet;
    const challenge = await api.ask("POST", "/auth/wallet/challenge", {
      token,
      body: { walletAddress, purpose: "link" },
    });
    expect(challenge.status, challenge.text).to.equal(201);
    const signature = await wallet.signMessage(challenge.body["message"] as string);
    const linked = await api.ask("POST", "/auth/wallet/link", { token, body: { walletAddress, signature } });
    expect(linked.status, linked.text).to.equal(201);
    return wallet;
  }

  it("tells at the login which wallet the holder linked first, and its DID", async () => {
    const { email, password, token } = await api.newUser();
    const first = await link(token);
    api.clock.advance(60);
    const second = await link(token);
    const { status, body } = await api.ask("POST", "/auth/login", { body: { email, password } });
    const addresses = [first, second].map(({ address }) => address.toLowerCase());
    const did = `did:${stage.chain.deployment.didMethod}:${addresses[0]}`;
    expect(status).to.equal(200);
    expect(body).to.deep.include({ walletAddress: addresses[0], did });
    expect((body["wallets"] as { walletAddress: string }[]).map(({ walletAddress }) => walletAddress)).to.deep.equal(
      addresses,
    );
  });

  it("lets a linked wallet log in, as bearer or with a cookie, into a session like any other", async () => {
    const { token, userId } = await api.newUser();
    const wallet = await link(token);
    const login = async (cookie: boolean) => {
      const { address: walletAddress } = wallet;
      const challenge = await api.ask("POST", "/auth/wallet/challenge", { body: { walletAddress, purpose: "login" } });
      const { nonce, message } = challenge.body as unknown as { nonce: string; message: string };
      const signature = await wallet.signMessage(message);
      return api.ask("POST", "/auth/wallet/verify", { body: { walletAddress, nonce, signature, cookie } });
    };
    const bearer = await login(false);
    expect(bearer.status, bearer.text).to.equal(200);
    expect((await api.ask("GET", "/auth/session", { token: bearer.body.sessionId })).body.userId).to.equal(userId);
    const browser = await login(true);
    expect(browser.text).not.to.match(/SES-/);
    const cookie = cookieFrom(browser);
    expect((await api.ask("GET", "/auth/session", { cookie })).body.userId).to.equal(userId);
    expect((await api.ask("POST", "/auth/logout", { cookie })).body.code).to.equal("session.csrf");
    const { csrfToken } = browser.body;
    expect((await api.ask("POST", "/auth/logout", { cookie, csrfToken })).status).to.equal(204);
  });

  it("keeps sessions working while the chain does not answer, and says so where it is needed", async () => {
    const alone = await startTestApi("alone");
    try {
      const { token } = await alone.newUser();
      expect((await alone.ask("GET", "/auth/session", { token })).status).to.equal(200);
      const body = { walletAddress: stage.relayer.address, purpose: "link" };
      const refused = await alone.ask("POST", "/auth/wallet/challenge", { token, body });
      expect([refused.status, refused.body.code]).to.deep.equal([503, "rpc.unreachable"]);
    } finally {
      await alone.close();
    }
  });
});

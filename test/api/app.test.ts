import { expect } from "chai";
import { Wallet } from "ethers";
import { registerUser } from "../support/accounts";
import { cookieFrom } from "../support/ask";
import { fakeClock } from "../support/fakeClock";
import { type Fixture, fixture, type ModuleName } from "../support/fixture";
import { askChallenge, linkWithSignature } from "../support/walletActors";

const MODULES: ModuleName[] = ["sessions", "wallets"];

describe("the api put together", () => {
  const clock = fakeClock();
  let api: Fixture;
  before(async () => {
    api = await fixture("app", { modules: MODULES, chain: true, clock });
  });
  after(() => api.close());

  async function link(token: string): Promise<Wallet> {
    const wallet = new Wallet(Wallet.createRandom().privateKey);
    await linkWithSignature(api, token, wallet);
    return wallet;
  }

  it("tells at the login which wallet the holder linked first, and its DID", async () => {
    const { email, password, token } = await registerUser(api);
    const first = await link(token);
    clock.advance(60);
    const second = await link(token);
    const { status, body } = await api.ask("POST", "/auth/login", { body: { email, password } });
    const addresses = [first, second].map(({ address }) => address.toLowerCase());
    const did = `did:${api.context.chain.deployment.didMethod}:${addresses[0]}`;
    expect(status).to.equal(200);
    expect(body).to.deep.include({ walletAddress: addresses[0], did });
    const wallets = body["wallets"] as { walletAddress: string }[];
    expect(wallets.map(({ walletAddress }) => walletAddress)).to.deep.equal(addresses);
  });

  it("lets a linked wallet log in, as bearer or with a cookie, into a session like any other", async () => {
    const { token, userId } = await registerUser(api);
    const wallet = await link(token);
    const login = async (cookie: boolean) => {
      const { address: walletAddress } = wallet;
      const { nonce, message } = await askChallenge(api, undefined, walletAddress, "login");
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
    const alone = await fixture("alone", { modules: MODULES, clock });
    try {
      const { token } = await registerUser(alone);
      expect((await alone.ask("GET", "/auth/session", { token })).status).to.equal(200);
      const body = { walletAddress: api.chain.relayer.address, purpose: "link" };
      const refused = await alone.ask("POST", "/auth/wallet/challenge", { token, body });
      expect([refused.status, refused.body.code]).to.deep.equal([503, "rpc.unreachable"]);
    } finally {
      await alone.close();
    }
  });

  it("has the indexes of every collection before a worker starts: that nothing is sent twice rests on them", async () => {
    const whole = await fixture("indexes", { chain: true });
    try {
      const indexed = whole.context.mongo.modelNames();
      whole.startWorkers();
      expect(whole.context.mongo.modelNames()).to.deep.equal(indexed);
    } finally {
      await whole.close();
    }
  });
});

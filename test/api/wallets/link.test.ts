import { expect } from "chai";
import { type HDNodeWallet, Signature, Wallet, toBeHex } from "ethers";
import { ContractWallet__factory } from "../../../typechain-types";
import { createChallengeStore } from "../../../api/wallets/challenges/store";
import { formatSignInMessage } from "../../../api/wallets/challenges/siwe";
import { createWalletStore } from "../../../api/wallets/store";
import { type AnswerBody, ask } from "../../support/ask";
import { eventually } from "../../support/eventually";
import { fakeClock } from "../../support/fakeClock";
import { CHAIN_ID, type Fixture, fixture, type ModuleName } from "../../support/fixture";
import { queuedJobs } from "../../support/queuedJobs";
import { startChild } from "../../support/startChild";
import { askChallenge, linkWithSignature, signTypedData } from "../../support/walletActors";

const MODULES: ModuleName[] = ["sessions", "wallets"];
const PUBLIC_URL = "https://cairn.example";
const ORDER = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

describe("linking a wallet", () => {
  const clock = fakeClock();
  let api: Fixture;

  before(async () => {
    api = await fixture("link", { modules: MODULES, chain: true, clock, publicUrl: PUBLIC_URL });
  });
  after(() => api.close());

  const newToken = async () => (await api.newUser()).token;
  const link = (token: string, body: object) => api.ask("POST", "/auth/wallet/link", { token, body });
  const logIn = (body: object) => api.ask("POST", "/auth/wallet/verify", { body });
  const owner = async (address: string) =>
    (await createWalletStore(api.context.mongo).find(address.toLowerCase()))?.userId;

  async function linked(token: string, holder = Wallet.createRandom()) {
    return { holder, ...(await linkWithSignature(api, token, holder)) };
  }

  it("asks in the words of EIP-4361, for this site, chain and wallet, for five minutes", async () => {
    const holder = Wallet.createRandom();
    const { message, nonce, ...challenge } = await askChallenge(api, await newToken(), holder.address);
    const requestId = /Request ID: (.+)$/.exec(message)?.[1] ?? "";
    expect(message).to.equal(
      `cairn.example wants you to sign in with your Ethereum account:\n${holder.address}\n\n` +
        `Link this wallet to your Cairn account.\n\nURI: https://cairn.example\nVersion: 1\nChain ID: ${CHAIN_ID}\n` +
        `Nonce: ${nonce}\nIssued At: 2100-12-06T14:30:00.000Z\nExpiration Time: 2100-12-06T14:35:00.000Z\nRequest ID: ${requestId}`,
    );
    expect(nonce).to.match(/^[0-9a-f]{32}$/);
    expect(challenge).to.include({ expiresAt: "2100-12-06T14:35:00.000Z" });
  });

  it("links on a wallet's signature, and queues the anchoring with the second one", async () => {
    const holder = Wallet.createRandom();
    const token = await newToken();
    const challenge = await askChallenge(api, token, holder.address);
    const body = {
      walletAddress: holder.address,
      signature: await holder.signMessage(challenge.message),
      registrationSignature: await signTypedData(holder, challenge),
    };
    const { status, body: wallet } = await link(token, body);
    expect(status).to.equal(201);
    const walletAddress = holder.address.toLowerCase();
    expect(wallet).to.include({
      walletAddress,
      did: `did:${api.context.chain.deployment.didMethod}:${walletAddress}`,
      kind: "key",
    });
    expect(wallet.anchoring).to.deep.equal({ status: "queued", transactionHash: null, blockNumber: null });
    const jobs = await queuedJobs<{ walletAddress: string }>(api.context, "anchoring");
    expect(jobs.map((job) => job.walletAddress)).to.include(walletAddress);
    const list = await api.ask("GET", "/auth/wallets", { token });
    expect(list.body.wallets).to.deep.equal([wallet]);
  });

  it("takes signatures of 64 bytes (EIP-2098) and of 65 with v 0 or 1", async () => {
    for (const form of ["compact", "low v"] as const) {
      const holder = Wallet.createRandom();
      const token = await newToken();
      const { message } = await askChallenge(api, token, holder.address);
      const full = Signature.from(await holder.signMessage(message));
      const lowV = `${full.r}${full.s.slice(2)}0${full.yParity}`;
      const answer = await link(token, {
        walletAddress: holder.address,
        signature: form === "compact" ? full.compactSerialized : lowV,
      });
      expect(answer.status, form).to.equal(201);
    }
  });

  it("awaits the second signature when there is none", async () => {
    const { answer } = await linked(await newToken());
    expect(answer.body.anchoring.status).to.equal("awaiting_signature");
  });

  it("lets a user have several wallets, the first linked first", async () => {
    const token = await newToken();
    const first = await linked(token);
    clock.advance(1);
    const second = await linked(token);
    const { body } = await api.ask("GET", "/auth/wallets", { token });
    const addresses = (body["wallets"] as AnswerBody[]).map(({ walletAddress }) => walletAddress);
    expect(addresses).to.deep.equal([first, second].map(({ holder }) => holder.address.toLowerCase()));
  });

  it("unlinks a wallet for its user only, who can link it again", async () => {
    const token = await newToken();
    const { holder } = await linked(token);
    const path = `/auth/wallets/${holder.address}`;
    expect(await api.ask("DELETE", path, { token: await newToken() })).to.deep.include({ status: 404 });
    expect(await owner(holder.address)).to.not.equal(undefined);
    expect((await api.ask("DELETE", path, { token })).status).to.equal(204);
    expect(await owner(holder.address)).to.equal(undefined);
    await linked(await newToken(), holder);
  });

  describe("refuses", () => {
    async function refused(
      answer: Promise<{ status: number; body: AnswerBody }>,
      status: number,
      code: string,
      address: string,
    ) {
      const { status: given, body } = await answer;
      expect([given, body.code]).to.deep.equal([status, code]);
      expect(await owner(address)).to.equal(undefined);
    }

    it("a signature sent a second time", async () => {
      const token = await newToken();
      const { holder, challenge, signature } = await linked(token);
      await api.ask("DELETE", `/auth/wallets/${holder.address}`, { token });
      const again = link(token, { walletAddress: holder.address, signature, nonce: challenge.nonce });
      await refused(again, 409, "wallet.challenge_consumed", holder.address);
    });

    it("the signature of another wallet", async () => {
      const [holder, thief] = [Wallet.createRandom(), Wallet.createRandom()];
      const token = await newToken();
      const { message } = await askChallenge(api, token, holder.address);
      const signature = await thief.signMessage(message);
      await refused(
        link(token, { walletAddress: holder.address, signature }),
        403,
        "wallet.signature_mismatch",
        holder.address,
      );
    });

    for (const [what, change] of [
      ["another domain", { domain: "phish.example" }],
      ["another chain", { chainId: 1 }],
      ["another nonce", { nonce: "0".repeat(32) }],
    ] as const) {
      it(`a signature for ${what}`, async () => {
        const holder = Wallet.createRandom();
        const token = await newToken();
        const { message } = await askChallenge(api, token, holder.address);
        const field = (name: string) => new RegExp(`^${name}: (.+)$`, "m").exec(message)?.[1] ?? "";
        const own: Parameters<typeof formatSignInMessage>[0] = {
          domain: "cairn.example",
          address: holder.address,
          statement: "Link this wallet to your Cairn account.",
          uri: PUBLIC_URL,
          chainId: CHAIN_ID,
          nonce: field("Nonce"),
          requestId: field("Request ID"),
          issuedAt: new Date(field("Issued At")),
          expiresAt: new Date(field("Expiration Time")),
        };
        const foreign = formatSignInMessage({ ...own, ...change });
        const signature = await holder.signMessage(foreign);
        await refused(
          link(token, { walletAddress: holder.address, signature }),
          403,
          "wallet.signature_mismatch",
          holder.address,
        );
      });
    }

    it("a challenge issued for another site or chain, after the configuration moved", async () => {
      const environment = { ...api.contextOptions.environment, PUBLIC_URL: "https://moved.example" };
      const moved = await startChild(api, {
        context: { environment },
        modules: MODULES,
        serves: true,
        withChain: true,
      });
      const holder = Wallet.createRandom();
      const { message, nonce } = await askChallenge(api, undefined, holder.address, "login");
      const body = { walletAddress: holder.address, nonce, signature: await holder.signMessage(message) };
      const answer = ask(`${moved.url}/auth/wallet/verify`, "POST", { body });
      await refused(answer, 404, "wallet.challenge_unknown", holder.address);
      await moved.stop();
    });

    it("the malleable twin of a good signature", async () => {
      const holder = Wallet.createRandom();
      const token = await newToken();
      const { message } = await askChallenge(api, token, holder.address);
      const good = Signature.from(await holder.signMessage(message));
      const twin = `${good.r}${toBeHex(ORDER - BigInt(good.s), 32).slice(2)}${good.yParity === 0 ? "1c" : "1b"}`;
      await refused(
        link(token, { walletAddress: holder.address, signature: twin }),
        400,
        "signature.malformed",
        holder.address,
      );
    });

    it("a challenge at the very second it expires, and takes it a second before", async () => {
      for (const [seconds, status] of [
        [299, 201],
        [300, 410],
      ] as const) {
        const holder = Wallet.createRandom();
        const token = await newToken();
        const { message } = await askChallenge(api, token, holder.address);
        const signature = await holder.signMessage(message);
        clock.advance(seconds);
        expect((await link(token, { walletAddress: holder.address, signature })).status, `${seconds} s`).to.equal(
          status,
        );
      }
    });

    it("another session's challenge, and a login's", async () => {
      const holder = Wallet.createRandom();
      const [asked, other] = [await newToken(), await newToken()];
      const { message, nonce } = await askChallenge(api, asked, holder.address);
      const signature = await holder.signMessage(message);
      const stolen = link(other, { walletAddress: holder.address, signature, nonce });
      await refused(stolen, 404, "wallet.challenge_unknown", holder.address);
      const login = await askChallenge(api, undefined, holder.address, "login");
      const body = {
        walletAddress: holder.address,
        signature: await holder.signMessage(login.message),
        nonce: login.nonce,
      };
      await refused(link(asked, body), 404, "wallet.challenge_unknown", holder.address);
    });

    it("a challenge of another purpose", async () => {
      const token = await newToken();
      const { holder } = await linked(token);
      const walletAddress = holder.address;
      const fresh = await askChallenge(api, token, walletAddress, "link");
      const registrationSignature = await signTypedData(holder, fresh);
      const anchor = await api.ask("POST", `/auth/wallets/${walletAddress}/anchor`, {
        token,
        body: { nonce: fresh["nonce"], registrationSignature },
      });
      expect([anchor.status, anchor.body.code]).to.deep.equal([404, "wallet.challenge_unknown"]);
      // Asking for a registration alone, it has no text; a signature of nothing must not link.
      const { nonce } = await askChallenge(api, token, walletAddress, "anchor");
      await api.ask("DELETE", `/auth/wallets/${walletAddress}`, { token });
      const body = { walletAddress, nonce, signature: await holder.signMessage("") };
      await refused(link(token, body), 404, "wallet.challenge_unknown", walletAddress);
    });

    it("a wallet that is linked elsewhere, though its holder signs", async () => {
      const { holder } = await linked(await newToken());
      const before = await owner(holder.address);
      const token = await newToken();
      const { message } = await askChallenge(api, token, holder.address);
      const answer = await link(token, { walletAddress: holder.address, signature: await holder.signMessage(message) });
      expect([answer.status, answer.body.code]).to.deep.equal([409, "wallet.linked_elsewhere"]);
      expect(await owner(holder.address)).to.equal(before);
    });

    it("further guesses after five", async () => {
      const [holder, thief] = [Wallet.createRandom(), Wallet.createRandom()];
      const token = await newToken();
      const { message } = await askChallenge(api, token, holder.address);
      const signature = await thief.signMessage(message);
      const statuses: number[] = [];
      for (let guess = 0; guess < 7; guess += 1)
        statuses.push((await link(token, { walletAddress: holder.address, signature })).status);
      expect(statuses).to.deep.equal([403, 403, 403, 403, 403, 429, 429]);
      const right = { walletAddress: holder.address, signature: await holder.signMessage(message) };
      await refused(link(token, right), 429, "wallet.challenge_exhausted", holder.address);
    });

    it("a registration signed by another wallet, or for another registry, and keeps the challenge unconsumed", async () => {
      const [holder, thief] = [Wallet.createRandom(), Wallet.createRandom()];
      const token = await newToken();
      const challenge = await askChallenge(api, token, holder.address);
      const signature = await holder.signMessage(challenge.message);
      const foreignDomain = { ...challenge.typedData!.domain, verifyingContract: thief.address };
      const foreign = { ...challenge, typedData: { ...challenge.typedData!, domain: foreignDomain } };
      for (const registrationSignature of [
        await signTypedData(thief, challenge),
        await signTypedData(holder, foreign),
      ]) {
        const attempt = link(token, { walletAddress: holder.address, signature, registrationSignature });
        await refused(attempt, 403, "wallet.signature_mismatch", holder.address);
      }
      expect((await link(token, { walletAddress: holder.address, signature })).status).to.equal(201);
    });

    it("a link without a session, and an address with a typing error", async () => {
      const holder = Wallet.createRandom();
      const challenge = { walletAddress: holder.address, purpose: "link" };
      const asked = api.ask("POST", "/auth/wallet/challenge", { body: challenge });
      await refused(asked, 401, "session.missing", holder.address);
      const flipped = holder.address
        .slice(2)
        .replace(/[a-fA-F]/, (letter) =>
          letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
        );
      const typo = api.ask("POST", "/auth/wallet/challenge", {
        token: await newToken(),
        body: { walletAddress: `0x${flipped}`, purpose: "link" },
      });
      await refused(typo, 400, "request.invalid", holder.address);
    });
  });

  describe("races", () => {
    it("64 answers to one challenge over HTTP have one winner", async () => {
      const token = await newToken();
      const holder = Wallet.createRandom();
      const { message, nonce } = await askChallenge(api, undefined, holder.address, "login");
      await linked(token, holder);
      const body = { walletAddress: holder.address, nonce, signature: await holder.signMessage(message) };
      const answers = await Promise.all(Array.from({ length: 64 }, () => logIn(body)));
      const outcomes = answers.map((answer) => (answer.status === 200 ? "won" : answer.body.code));
      expect(outcomes.filter((outcome) => outcome === "won")).to.have.length(1);
      const others = new Set(outcomes.filter((outcome) => outcome !== "won"));
      expect(
        [...others].every((code) => code === "wallet.challenge_consumed" || code === "wallet.challenge_exhausted"),
      ).to.equal(true);
    });

    it("64 racing to consume one challenge have one winner", async () => {
      const { nonce } = await askChallenge(api, undefined, Wallet.createRandom().address, "login");
      const challenges = createChallengeStore(api.context.mongo);
      // Each at a moment of its own: writing the same time again would change nothing and hide a second winner.
      const at = (index: number) => new Date(clock.now().getTime() + index);
      const won = await Promise.all(Array.from({ length: 64 }, (_, index) => challenges.consume(nonce, at(index))));
      expect(won.filter(Boolean)).to.have.length(1);
    });

    it("16 users linking one wallet have one winner", async () => {
      const holder = Wallet.createRandom();
      const entries = await Promise.all(
        Array.from({ length: 16 }, async () => {
          const token = await newToken();
          const { message } = await askChallenge(api, token, holder.address);
          return { token, signature: await holder.signMessage(message) };
        }),
      );
      const answers = await Promise.all(
        entries.map(({ token, signature }) => link(token, { walletAddress: holder.address, signature })),
      );
      expect(answers.filter(({ status }) => status === 201)).to.have.length(1);
      expect(answers.filter(({ body }) => body.code === "wallet.linked_elsewhere")).to.have.length(15);
    });
  });

  describe("a contract wallet (ERC-1271)", () => {
    async function contractWallet(owner: HDNodeWallet): Promise<string> {
      const deployer = new Wallet(api.chain.deployerPrivateKey, api.context.chain.provider);
      const wallet = await new ContractWallet__factory(deployer).deploy(owner.address);
      await wallet.waitForDeployment();
      return wallet.getAddress();
    }

    it("links and is anchored by the signatures its contract approves", async () => {
      const owner = Wallet.createRandom();
      const walletAddress = await contractWallet(owner);
      const token = await newToken();
      const challenge = await askChallenge(api, token, walletAddress);
      const body = {
        signature: await owner.signMessage(challenge.message),
        registrationSignature: await signTypedData(owner, challenge),
      };
      const answer = await link(token, { walletAddress, ...body });
      expect([answer.status, answer.body.kind, answer.body.anchoring.status]).to.deep.equal([
        201,
        "contract",
        "queued",
      ]);

      api.startWorkers();
      const { didRegistry } = api.context.chain;
      await eventually("the registration", async () => (await didRegistry.resolveDID(walletAddress)).active);
      await api.stopWorkers();
    });

    it("is refused when its contract does not approve", async () => {
      const walletAddress = await contractWallet(Wallet.createRandom());
      const token = await newToken();
      const { message } = await askChallenge(api, token, walletAddress);
      const mismatch = await link(token, {
        walletAddress,
        signature: await Wallet.createRandom().signMessage(message),
      });
      expect([mismatch.status, mismatch.body.code]).to.deep.equal([403, "wallet.signature_mismatch"]);
      const malformed = await link(token, { walletAddress, signature: "0x43" });
      expect([malformed.status, malformed.body.code]).to.deep.equal([400, "signature.malformed"]);
      expect(await owner(walletAddress)).to.equal(undefined);
    });

    it("takes no contract's word that approves everything but the magic value", async () => {
      // Returns the magic value and a stray bit after it; then reverts; then returns nothing.
      for (const code of ["0x631626ba7e60e01b60011760005260206000f3", "0x60006000fd", "0x00"]) {
        const { address } = Wallet.createRandom();
        await api.context.chain.provider.send("hardhat_setCode", [address, code]);
        const token = await newToken();
        const { message } = await askChallenge(api, token, address);
        const signature = await Wallet.createRandom().signMessage(message);
        expect((await link(token, { walletAddress: address, signature })).status, code).to.equal(403);
      }
    });
  });

  describe("logging in with it", () => {
    it("opens a session of the wallet's user", async () => {
      const token = await newToken();
      const { holder, answer } = await linked(token);
      const { message, nonce } = await askChallenge(api, undefined, holder.address, "login");
      const login = await logIn({
        walletAddress: holder.address,
        nonce,
        signature: await holder.signMessage(message),
      });
      expect(login.status).to.equal(200);
      expect(login.body.did).to.equal(answer.body.did);
      const own = await api.ask("GET", "/auth/wallets", { token: login.body.sessionId });
      expect((own.body["wallets"] as AnswerBody[]).map((wallet) => wallet.did)).to.deep.equal([answer.body.did]);
    });

    it("is refused for a wallet nobody linked", async () => {
      const holder = Wallet.createRandom();
      const { message, nonce } = await askChallenge(api, undefined, holder.address, "login");
      const body = { walletAddress: holder.address, nonce, signature: await holder.signMessage(message) };
      const { status, body: refusal } = await logIn(body);
      expect([status, refusal.code]).to.deep.equal([401, "wallet.not_linked"]);
    });
  });
});

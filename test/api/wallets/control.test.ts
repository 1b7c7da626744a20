import { expect } from "chai";
import { type HDNodeWallet, Wallet } from "ethers";
import type { ControlState } from "../../../api/wallets/control/rules";
import type { Answer, AnswerBody } from "../../support/ask";
import { registryAs } from "../../support/controlActors";
import {
  issue,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
  type TestIssuer,
} from "../../support/credentialActors";
import { eventually } from "../../support/eventually";
import { type Fixture, fixture, type TestUser } from "../../support/fixture";
import { askChallenge } from "../../support/walletActors";

describe("control of a DID follows the chain", () => {
  let api: Fixture;
  let issuer: TestIssuer;

  before(async () => {
    api = await fixture("control-follows", {
      modules: ["sessions", "wallets", "issuers", "credentials", "verification"],
      chain: true,
      workers: true,
    });
    await api.startIndexer();
    issuer = await newIssuer(api);
  });
  after(() => api.close());

  const didOf = (wallet: HDNodeWallet) =>
    `did:${api.context.chain.deployment.didMethod}:${wallet.address.toLowerCase()}`;

  /** A user whose wallet is linked as its holder would. */
  async function newHolder(): Promise<TestHolder> {
    const user = await api.newUser();
    const wallet = Wallet.createRandom();
    const answer = await link(user, wallet);
    expect(answer.status, answer.text).to.equal(201);
    return { ...user, wallet, did: didOf(wallet) };
  }

  async function link({ token }: Pick<TestUser, "token">, wallet: HDNodeWallet, did?: string): Promise<Answer> {
    const { message, nonce } = await askChallenge(api, token, wallet.address);
    const signature = await wallet.signMessage(message);
    return api.ask("POST", "/auth/wallet/link", {
      token,
      body: { walletAddress: wallet.address, signature, nonce, did },
    });
  }

  async function logIn(wallet: HDNodeWallet, did?: string): Promise<Answer> {
    const { message, nonce } = await askChallenge(api, undefined, wallet.address, "login");
    const signature = await wallet.signMessage(message);
    return api.ask("POST", "/auth/wallet/verify", {
      body: { walletAddress: wallet.address, signature, nonce, did },
    });
  }

  async function tokenOf(wallet: HDNodeWallet, did?: string): Promise<string> {
    const { status, body, text } = await logIn(wallet, did);
    expect(status, text).to.equal(200);
    return body["sessionId"];
  }

  const stateOf = async (did: string) => {
    const { state } = await api.context.projection.findDid(did.split(":")[2]!);
    return state;
  };

  /** Makes another account the controller, and waits until the index has it. */
  async function handOver(from: HDNodeWallet, did: string, to: HDNodeWallet): Promise<void> {
    await (await (await registryAs(api, from)).changeController(did.split(":")[2]!, to.address)).wait();
    await eventually(
      "the index to have the change of control",
      async () => (await stateOf(did))?.controller === to.address.toLowerCase(),
    );
  }

  async function deactivate(controller: HDNodeWallet, did: string): Promise<void> {
    await (await (await registryAs(api, controller)).deactivateDID(did.split(":")[2]!)).wait();
    await eventually("the index to have the deactivation", async () => (await stateOf(did))?.active === false);
  }

  const ask = (path: string, token: string) => api.ask("GET", path, { token });
  const codeOf = ({ status, body }: Answer) => [status, body.code];
  const idsIn = ({ body }: Answer) =>
    (body["credentials"] as unknown as { credentialId: string }[]).map(({ credentialId }) => credentialId);
  const controlOf = async (token: string, did: string): Promise<ControlState | undefined> => {
    const { body } = await ask("/credentials", token);
    return (body["dids"] as unknown as { did: string; control: ControlState }[]).find((held) => held.did === did)
      ?.control;
  };

  it("takes login, links and reads from the old controller, and gives them to the new one", async () => {
    const alice = await newHolder();
    const heir = await newHolder();
    const { credentialId } = await issue(api, issuer, alice);
    const path = `/credentials/${credentialId}`;
    expect((await ask(path, alice.token)).status).to.equal(200);
    expect(codeOf(await ask(path, heir.token))).to.deep.equal([404, "credential.unknown"]);
    await handOver(alice.wallet, alice.did, heir.wallet);

    expect(codeOf(await logIn(alice.wallet))).to.deep.equal([403, "did.not_controlled"]);
    expect(codeOf(await link(alice, alice.wallet))).to.deep.equal([403, "did.not_controlled"]);
    for (const own of [path, `${path}/share`, `${path}/usage`, `/verify/request?credentialId=${credentialId}`]) {
      expect(codeOf(await ask(own, alice.token)), own).to.deep.equal([404, "credential.unknown"]);
    }
    expect(idsIn(await ask("/credentials", alice.token))).to.deep.equal([]);
    expect(await controlOf(alice.token, alice.did)).to.equal("transferred");

    const token = await tokenOf(heir.wallet, alice.did);
    expect((await ask("/auth/session", token)).body["wallet"]).to.deep.equal({
      walletAddress: heir.wallet.address.toLowerCase(),
      did: alice.did,
    });
    expect((await ask(path, token)).status).to.equal(200);
    expect((await ask(`${path}/share`, token)).status).to.equal(200);
    expect(idsIn(await ask("/credentials", token))).to.deep.equal([credentialId]);
    expect((await ask("/auth/wallets", heir.token)).body["wallets"]).to.deep.include.members([
      {
        ...(await listedWallet(heir)),
        control: "controlled",
        otherDids: [{ did: alice.did, control: "controlled" }],
      },
    ]);
  });

  it("lets a wallet link that was made the controller of a DID before anybody knew it, and names no other", async () => {
    const alice = await newHolder();
    const { credentialId } = await issue(api, issuer, alice);
    const heir = Wallet.createRandom();
    await handOver(alice.wallet, alice.did, heir);
    const user = await api.newUser();
    const stranger = await newHolder();
    expect(codeOf(await link(user, heir, stranger.did))).to.deep.equal([403, "did.not_controlled"]);
    const linked = await link(user, heir, alice.did);
    expect(linked.status, linked.text).to.equal(201);
    expect(linked.body["otherDids"]).to.deep.equal([{ did: alice.did, control: "controlled" }]);
    expect((await ask(`/credentials/${credentialId}`, user.token)).status).to.equal(200);
    expect(codeOf(await logIn(heir, stranger.did))).to.deep.equal([403, "did.not_controlled"]);
    expect((await logIn(heir)).body["did"]).to.equal(didOf(heir));
  });

  it("lets a wallet whose own DID is gone log in as the holder of another that it controls", async () => {
    const alice = await newHolder();
    const heir = await newHolder();
    await handOver(alice.wallet, alice.did, heir.wallet);
    await deactivate(heir.wallet, heir.did);
    expect((await logIn(heir.wallet)).body["did"]).to.equal(alice.did);
    expect(codeOf(await logIn(heir.wallet, heir.did))).to.deep.equal([410, "did.deactivated"]);
  });

  it("gives the old controller nothing back when the new one deactivates the DID", async () => {
    const alice = await newHolder();
    const heir = await newHolder();
    const { credentialId } = await issue(api, issuer, alice);
    await handOver(alice.wallet, alice.did, heir.wallet);
    await deactivate(heir.wallet, alice.did);
    expect(await controlOf(alice.token, alice.did)).to.equal("transferred");
    expect(await controlOf(heir.token, alice.did)).to.equal("deactivated");
    const path = `/credentials/${credentialId}`;
    expect(codeOf(await ask(path, alice.token))).to.deep.equal([404, "credential.unknown"]);
    expect(codeOf(await ask(path, heir.token))).to.deep.equal([410, "did.deactivated"]);
    expect(codeOf(await logIn(alice.wallet))).to.deep.equal([403, "did.not_controlled"]);
    const exported = await ask("/auth/account/export", alice.token);
    expect(exported.status, exported.text).to.equal(200);
    // What her devices were told while she held it stays told; of the credential itself nothing is hers any more.
    const { events, ...rest } = exported.body["data"] as { events: { type: string }[] };
    expect(JSON.stringify(rest)).to.not.include(credentialId);
    const told = events.filter((event) => JSON.stringify(event).includes(credentialId));
    expect(told.map(({ type }) => type)).to.deep.equal(["credential.issued"]);
    expect((await ask("/auth/account/export", heir.token)).text).to.include(credentialId);
  });

  it("names a deactivated DID as such: to its login, its reader, its issuer and its lists", async () => {
    const alice = await newHolder();
    const { credentialId } = await issue(api, issuer, alice);
    const verifier = await newVerifier(api);
    const request = await requestVerification(api, verifier, credentialId);
    await deactivate(alice.wallet, alice.did);

    expect(codeOf(await logIn(alice.wallet))).to.deep.equal([410, "did.deactivated"]);
    expect(codeOf(await link(await api.newUser(), alice.wallet))).to.deep.equal([410, "did.deactivated"]);
    const path = `/credentials/${credentialId}`;
    for (const own of [path, `${path}/share`, `${path}/usage`, `/verify/request?credentialId=${credentialId}`]) {
      expect(codeOf(await ask(own, alice.token)), own).to.deep.equal([410, "did.deactivated"]);
    }
    expect(codeOf(await ask(path, (await newHolder()).token))).to.deep.equal([404, "credential.unknown"]);
    expect(idsIn(await ask("/credentials", alice.token))).to.deep.equal([]);
    expect(await controlOf(alice.token, alice.did)).to.equal("deactivated");
    expect((await listedWallet(alice))["control"]).to.equal("deactivated");
    const issued = await api.ask("POST", "/credentials/issue", {
      token: issuer.apiKey,
      body: { subjectDid: alice.did, type: "EducationCredential", claims: { name: "Alice", degree: "BA" } },
    });
    expect(codeOf(issued)).to.deep.equal([410, "did.deactivated"]);
    expect(request["verificationId"]).to.be.a("string");
  });

  describe("ends the sessions that a wallet opened, and says why,", () => {
    it("when the controller changes, while those opened by a password stay", async () => {
      const alice = await newHolder();
      const heir = await newHolder();
      const token = await tokenOf(alice.wallet);
      expect((await ask("/auth/session", token)).status).to.equal(200);
      await handOver(alice.wallet, alice.did, heir.wallet);
      for (let time = 0; time < 2; time += 1) {
        expect(codeOf(await ask("/auth/session", token))).to.deep.equal([401, "session.control_changed"]);
      }
      expect((await ask("/auth/session", alice.token)).status).to.equal(200);

      // Given back, the session stays over: another could have acted in between.
      await handOver(heir.wallet, alice.did, alice.wallet);
      expect(codeOf(await ask("/auth/session", token))).to.deep.equal([401, "session.control_changed"]);
      await tokenOf(alice.wallet);
    });

    it("of the new controller too, when it hands the DID on", async () => {
      const alice = await newHolder();
      const [heir, next] = [await newHolder(), await newHolder()];
      await handOver(alice.wallet, alice.did, heir.wallet);
      const [asAlice, asHeir] = [await tokenOf(heir.wallet, alice.did), await tokenOf(heir.wallet)];
      await handOver(heir.wallet, alice.did, next.wallet);
      expect(codeOf(await ask("/auth/session", asAlice))).to.deep.equal([401, "session.control_changed"]);
      expect((await ask("/auth/session", asHeir)).status).to.equal(200);
    });

    it("when the DID is deactivated, also in the list of devices", async () => {
      const alice = await newHolder();
      const token = await tokenOf(alice.wallet);
      await deactivate(alice.wallet, alice.did);
      const { body } = await ask("/auth/sessions", alice.token);
      expect((body["sessions"] as unknown as AnswerBody[]).map(({ wallet }) => wallet)).to.deep.equal([null]);
      expect(codeOf(await ask("/auth/session", token))).to.deep.equal([401, "session.did_deactivated"]);
    });

    it("when it is unlinked, and not those of another wallet; linking it again brings none back", async () => {
      const alice = await newHolder();
      const second = Wallet.createRandom();
      expect((await link(alice, second)).status).to.equal(201);
      const [first, other] = [await tokenOf(alice.wallet), await tokenOf(second)];
      const unlinked = await api.ask("DELETE", `/auth/wallets/${alice.wallet.address}`, { token: first });
      expect(unlinked.status).to.equal(204);
      expect((await link(alice, alice.wallet)).status).to.equal(201);
      expect(codeOf(await ask("/auth/session", first))).to.deep.equal([401, "session.wallet_unlinked"]);
      expect((await ask("/auth/session", other)).status).to.equal(200);
    });
  });

  describe("in races", () => {
    it("leaves no session of a wallet that was unlinked while sixteen logged in with it", async () => {
      const alice = await newHolder();
      const logins = Array.from({ length: 16 }, () => logIn(alice.wallet));
      const [unlinked, ...answers] = await Promise.all([
        api.ask("DELETE", `/auth/wallets/${alice.wallet.address}`, { token: alice.token }),
        ...logins,
      ]);
      expect(unlinked.status).to.equal(204);
      for (const { status, body } of answers) {
        if (status === 200) {
          const read = await ask("/auth/session", body["sessionId"]);
          expect(codeOf(read)).to.deep.equal([401, "session.wallet_unlinked"]);
        } else {
          expect([status, body.code]).to.deep.equal([401, "wallet.not_linked"]);
        }
      }
    });

    it("gives the old controller nothing once the index has the change, however many of its logins raced it", async () => {
      const alice = await newHolder();
      const heir = await newHolder();
      const { credentialId } = await issue(api, issuer, alice);
      const [, ...answers] = await Promise.all([
        handOver(alice.wallet, alice.did, heir.wallet),
        ...Array.from({ length: 16 }, () => logIn(alice.wallet)),
      ]);
      for (const { status, body } of answers) {
        if (status !== 200) {
          expect([status, body.code]).to.deep.equal([403, "did.not_controlled"]);
          continue;
        }
        const read = await ask(`/credentials/${credentialId}`, body["sessionId"]);
        expect(codeOf(read)).to.deep.equal([401, "session.control_changed"]);
      }
    });
  });

  it("believes nobody while the index may lack an event about the DID", async () => {
    const alice = await newHolder();
    const registry = await registryAs(api, alice.wallet);
    await (await registry.registerDID(alice.did, "https://alice.example/did.json")).wait();
    await eventually("the index to have the registration", async () => (await stateOf(alice.did)) !== null);
    const token = await tokenOf(alice.wallet);
    await api.context.mongo
      .db!.collection<{ _id: string }>("dids")
      .updateOne(
        { _id: alice.wallet.address.toLowerCase() },
        { $set: { unverified: { reason: "a gap", sinceBlock: 1 } } },
      );
    expect(codeOf(await logIn(alice.wallet))).to.deep.equal([503, "index.unverified"]);
    expect(codeOf(await ask("/auth/session", token))).to.deep.equal([503, "index.unverified"]);
    const issued = await api.ask("POST", "/credentials/issue", {
      token: issuer.apiKey,
      body: { subjectDid: alice.did, type: "EducationCredential", claims: { name: "Alice", degree: "BA" } },
    });
    expect(codeOf(issued)).to.deep.equal([503, "index.unverified"]);
    expect(await controlOf(alice.token, alice.did)).to.equal("unverified");
    expect((await listedWallet(alice))["control"]).to.equal("unverified");
  });

  async function listedWallet({ token, wallet }: TestHolder): Promise<AnswerBody> {
    const { body } = await ask("/auth/wallets", token);
    const address = wallet.address.toLowerCase();
    return (body["wallets"] as AnswerBody[]).find(({ walletAddress }) => walletAddress === address)!;
  }
});

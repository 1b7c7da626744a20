import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Wallet, concat, getBytes, hashMessage, hexlify, TypedDataEncoder } from "ethers";
import { createWalletStore } from "../../../api/wallets/store";
import { encodeKey, encodeKeySignature, keyAccountOf } from "../../../chain/registry/keyAccount";
import { EcdsaVerifier__factory } from "../../../typechain-types";
import { p256Key, type P256Key } from "../../contracts/support/p256";
import type { Answer, AnswerBody } from "../../support/ask";
import {
  confirm,
  issue,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
} from "../../support/credentialActors";
import { eventually } from "../../support/eventually";
import { type Fixture, fixture } from "../../support/fixture";
import {
  type AssertionOptions,
  createPasskey,
  type Passkey,
  passkeySignature,
  withOtherS,
} from "../../support/passkeys";
import { askChallenge } from "../../support/walletActors";

/** Where s lies in a signature: after the key with its length (86 bytes) and r. */
const S_AT = 86 + 32;

/** A holder whose account is one of a key of P-256. */
interface KeyHolder {
  walletAddress: string;
  did: string;
  signaturePrefix: string;
  /** @param digest `0x` and 64 hexadecimal digits */
  sign(digest: string, options?: AssertionOptions): string;
}

describe("a holder with a passkey", () => {
  let api: Fixture;

  before(async () => {
    api = await fixture("passkeys", { chain: true, workers: true });
  });
  after(() => api.close());

  const newToken = async () => (await api.newUser()).token;
  const keyAccount = (body: object) => api.ask("POST", "/auth/wallet/key-account", { body });
  const isLinked = async (address: string) => (await createWalletStore(api.context.mongo).find(address)) !== null;

  async function accountOf(body: object): Promise<Omit<KeyHolder, "sign">> {
    const { status, body: account } = await keyAccount(body);
    expect(status).to.equal(200);
    return account as unknown as KeyHolder;
  }

  async function newPasskeyHolder(passkey: Passkey = createPasskey()): Promise<KeyHolder> {
    const account = await accountOf({ publicKey: passkey.publicKey });
    const sign = (digest: string, options?: AssertionOptions) =>
      passkeySignature(account.signaturePrefix, passkey.get(digest, options));
    return { ...account, sign };
  }

  async function newP256Holder(key: P256Key): Promise<KeyHolder> {
    const coordinate = (from: number) => Buffer.from(getBytes(key.publicKey)).toString("base64url", from, from + 32);
    const publicKey = { kty: "EC", crv: "P-256", x: coordinate(0), y: coordinate(32) };
    const account = await accountOf({ scheme: "p256", publicKey });
    return { ...account, sign: (digest) => concat([account.signaturePrefix, key.sign(digest)]) };
  }

  const link = (token: string, body: object) => api.ask("POST", "/auth/wallet/link", { token, body });

  async function linkAndAnchor(holder: KeyHolder, token: string): Promise<Answer> {
    const { walletAddress, sign } = holder;
    const challenge = await askChallenge(api, token, walletAddress);
    return link(token, {
      walletAddress,
      nonce: challenge["nonce"],
      signature: sign(challenge["messageDigest"] as string),
      registrationSignature: sign(challenge["typedDataDigest"] as string),
    });
  }

  async function refused(answer: Answer, status: number, code: string, holder: KeyHolder): Promise<void> {
    expect([answer.status, answer.body.code]).to.deep.equal([status, code]);
    expect(await isLinked(holder.walletAddress)).to.equal(false);
  }

  it("is given digests to sign that are those of the text and of the typed data", async () => {
    const holder = await newPasskeyHolder();
    const challenge = await askChallenge(api, await newToken(), holder.walletAddress);
    expect(challenge["messageDigest"]).to.equal(hashMessage(challenge["message"] as string));
    const { domain, types, message } = challenge["typedData"] as {
      domain: object;
      types: Record<string, { name: string; type: string }[]>;
      message: object;
    };
    const { EIP712Domain: _added, ...own } = types;
    expect(challenge["typedDataDigest"]).to.equal(TypedDataEncoder.hash(domain, own, message));
  });

  for (const [kind, make] of [
    ["a passkey", () => newPasskeyHolder()],
    ["a P-256 key that signs digests", () => newP256Holder(p256Key(`holder ${Math.PI}`))],
  ] as const) {
    it(`links ${kind}, has its DID anchored on the chain, logs in and presents a credential with it`, async () => {
      const holder = await make();
      const user = await api.newUser();
      const linked = await linkAndAnchor(holder, user.token);
      expect([linked.status, linked.body.kind], linked.text).to.deep.equal([201, "passkey"]);
      expect(linked.body.did).to.equal(holder.did);
      const { didRegistry } = api.context.chain;
      await eventually("the registration", async () => (await didRegistry.resolveDID(holder.walletAddress)).registered);
      expect((await didRegistry.keyAccount(`0x${holder.signaturePrefix.slice(6)}`)).toLowerCase()).to.equal(
        holder.walletAddress,
      );

      const { walletAddress, sign } = holder;
      const login = await askChallenge(api, undefined, walletAddress, "login");
      const opened = await api.ask("POST", "/auth/wallet/verify", {
        body: { walletAddress, nonce: login["nonce"], signature: sign(login["messageDigest"] as string) },
      });
      expect([opened.status, opened.body["userId"]], opened.text).to.deep.equal([200, user.userId]);

      const [issuer, verifier] = [await newIssuer(api), await newVerifier(api)];
      const { credentialId } = await issue(api, issuer, { did: holder.did } as TestHolder, { maxUsages: 1 });
      const requested = await requestVerification(api, verifier, credentialId as string);
      const { digest, message } = requested["challenge"] as { digest: string; message: string };
      expect(digest).to.equal(hashMessage(message));
      const answer = { verificationId: requested["verificationId"] as string, presenterDid: holder.did };
      const thief = await newPasskeyHolder();
      const stolen = await confirm(api, { ...answer, signature: thief.sign(digest) });
      expect(stolen.body.code).to.equal("verification.holder_mismatch");
      const again = await requestVerification(api, verifier, credentialId as string);
      const confirmed = await confirm(api, {
        verificationId: again["verificationId"],
        presenterDid: holder.did,
        signature: sign((again["challenge"] as { digest: string }).digest),
      });
      expect(confirmed.status, confirmed.text).to.equal(200);
    });
  }

  describe("is refused", () => {
    async function attempt(
      change: (holder: KeyHolder, digest: string) => string | Promise<string>,
      holder?: KeyHolder,
    ): Promise<{ answer: Answer; holder: KeyHolder }> {
      const own = holder ?? (await newPasskeyHolder());
      const token = await newToken();
      const challenge: AnswerBody = await askChallenge(api, token, own.walletAddress);
      const signature = await change(own, challenge["messageDigest"] as string);
      return { answer: await link(token, { walletAddress: own.walletAddress, signature }), holder: own };
    }

    for (const [what, options] of [
      ["when the user was not verified", { flags: 0x19 }],
      ["when the user was not present", { flags: 0x1c }],
      ["when its backup flags contradict each other", { flags: 0x15 }],
      ["with the assertion of a registration", { type: "webauthn.create" }],
    ] as const) {
      it(what, async () => {
        const { answer, holder } = await attempt(({ sign }, digest) => sign(digest, options));
        await refused(answer, 403, "wallet.signature_mismatch", holder);
      });
    }

    it("with an assertion over another challenge", async () => {
      const { answer, holder } = await attempt(({ sign }) => sign(hashMessage("another")));
      await refused(answer, 403, "wallet.signature_mismatch", holder);
    });

    it("with another passkey, also under its own key", async () => {
      const passkey = createPasskey();
      const { answer, holder } = await attempt(({ signaturePrefix }, digest) =>
        passkeySignature(signaturePrefix, passkey.get(digest)),
      );
      await refused(answer, 403, "wallet.signature_mismatch", holder);
    });

    it("when the signature is of another key's account", async () => {
      const other = await newPasskeyHolder();
      const { answer, holder } = await attempt((_holder, digest) => other.sign(digest));
      await refused(answer, 403, "wallet.signature_mismatch", holder);
    });

    it("with the twin of a signature that has the high s", async () => {
      for (const own of [await newPasskeyHolder(), await newP256Holder(p256Key(`twin ${Date.now()}`))]) {
        const { answer, holder } = await attempt(({ sign }, digest) => withOtherS(sign(digest), S_AT), own);
        await refused(answer, 403, "wallet.signature_mismatch", holder);
      }
    });

    it("with a signature made for the other kind of key, whose account is another", async () => {
      const passkey = createPasskey();
      const asP256 = await accountOf({ scheme: "p256", publicKey: passkey.jwk });
      const own = await newPasskeyHolder(passkey);
      expect(asP256.walletAddress).to.not.equal(own.walletAddress);
      const { answer, holder } = await attempt(
        (_holder, digest) => passkeySignature(asP256.signaturePrefix, passkey.get(digest)),
        { ...asP256, sign: own.sign },
      );
      await refused(answer, 403, "wallet.signature_mismatch", holder);
    });

    it("with a key whose verifier is not accepted, though the registry would take it", async () => {
      const deployer = new Wallet(api.chain.deployerPrivateKey, api.context.chain.provider);
      const verifier = await (await new EcdsaVerifier__factory(deployer).deploy()).waitForDeployment();
      const signer = Wallet.createRandom();
      const key = encodeKey(await verifier.getAddress(), signer.address);
      const walletAddress = keyAccountOf(key);
      const own = { walletAddress, did: "", signaturePrefix: encodeKeySignature(key, "0x"), sign: () => "" };
      const { answer, holder } = await attempt(
        ({ signaturePrefix }, digest) => concat([signaturePrefix, signer.signingKey.sign(digest).serialized]),
        own,
      );
      await refused(answer, 403, "signature.verifier_not_accepted", holder);
    });

    it("with a key of 20 bytes, which has no public key", async () => {
      const verifier = api.context.chain.deployment.keyVerifiers?.webauthn ?? "";
      const walletAddress = keyAccountOf(verifier);
      const own = { walletAddress, did: "", signaturePrefix: encodeKeySignature(verifier, "0x"), sign: () => "" };
      const passkey = createPasskey();
      const { answer, holder } = await attempt(
        ({ signaturePrefix }, digest) => passkeySignature(signaturePrefix, passkey.get(digest)),
        own,
      );
      await refused(answer, 400, "signature.malformed", holder);
    });

    it("with a registration that another passkey signed, and keeps the challenge unconsumed", async () => {
      const [holder, thief] = [await newPasskeyHolder(), await newPasskeyHolder()];
      const { walletAddress, sign } = holder;
      const token = await newToken();
      const challenge = await askChallenge(api, token, walletAddress);
      const signature = sign(challenge["messageDigest"] as string);
      const registrationSignature = thief.sign(challenge["typedDataDigest"] as string);
      await refused(
        await link(token, { walletAddress, signature, registrationSignature }),
        403,
        "wallet.signature_mismatch",
        holder,
      );
      expect((await link(token, { walletAddress, signature })).status).to.equal(201);
    });
  });

  describe("finds its account", () => {
    it("by its public key in both forms", async () => {
      const { publicKey, jwk } = createPasskey();
      const { body } = await keyAccount({ publicKey });
      expect((await keyAccount({ publicKey: jwk })).body).to.deep.equal(body);
      expect(body).to.include({ scheme: "webauthn", walletAddress: keyAccountOf(body["key"] as string) });
    });

    it("not by what is no public key of P-256", async () => {
      const { jwk } = createPasskey();
      const flipped = jwk.y.startsWith("A") ? `B${jwk.y.slice(1)}` : `A${jwk.y.slice(1)}`;
      for (const publicKey of [{ ...jwk, y: flipped }, "AAAA"]) {
        const { status, body } = await keyAccount({ publicKey });
        expect([status, body.code], JSON.stringify(publicKey)).to.deep.equal([400, "wallet.public_key_invalid"]);
      }
      for (const publicKey of [{ ...jwk, crv: "P-384" }, { ...jwk, x: "AA" }, "no key!", 1]) {
        const { status, body } = await keyAccount({ publicKey });
        expect([status, body.code], JSON.stringify(publicKey)).to.deep.equal([400, "request.invalid"]);
      }
    });

    it("not where the deployment recorded no verifiers", async () => {
      const { deployment } = api.context.chain;
      const { keyVerifiers } = deployment;
      delete deployment.keyVerifiers;
      const { status, body } = await keyAccount({ publicKey: createPasskey().publicKey });
      deployment.keyVerifiers = keyVerifiers;
      expect([status, body.code]).to.deep.equal([501, "wallet.key_scheme_unavailable"]);
    });
  });

  describe("docs/passkeys.md", () => {
    const page = readFileSync(join(__dirname, "..", "..", "..", "docs", "passkeys.md"), "utf8");
    const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? "null") as {
      publicKey: { x: string; y: string };
      p256: { verifier: string; key: string; walletAddress: string };
      webauthn: { verifier: string; key: string; walletAddress: string; signaturePrefix: string };
      digest: string;
      assertion: { authenticatorData: string; clientDataJSON: string; signature: string };
      signature: string;
    };

    it("has an example that is right: accounts, keys, and the signature of an assertion with a high s", () => {
      const coordinates = Buffer.concat(
        [example.publicKey.x, example.publicKey.y].map((text) => Buffer.from(text, "base64url")),
      );
      for (const { verifier, key, walletAddress } of [example.p256, example.webauthn]) {
        expect(key).to.equal(encodeKey(verifier, hexlify(coordinates)));
        expect(walletAddress).to.equal(keyAccountOf(key));
      }
      const { authenticatorData, clientDataJSON, signature } = example.assertion;
      const buffer = (bytes: Uint8Array) => new Uint8Array(bytes).buffer;
      const response = {
        authenticatorData: buffer(getBytes(authenticatorData)),
        clientDataJSON: buffer(Buffer.from(clientDataJSON)),
        signature: buffer(getBytes(signature)),
      };
      expect(passkeySignature(example.webauthn.signaturePrefix, response)).to.equal(example.signature);
    });

    it("has an example whose signature the deployed verifier takes", async () => {
      const verifier = api.context.chain.deployment.keyVerifiers?.webauthn ?? "";
      const key = encodeKey(verifier, `0x${example.webauthn.key.slice(42)}`);
      const inner = `0x${example.signature.slice(2 + 2 * 86)}`;
      const { didRegistry, provider } = api.context.chain;
      expect((await didRegistry.keyAccount(key)).toLowerCase()).to.equal(keyAccountOf(key));
      const question = EcdsaVerifier__factory.createInterface().encodeFunctionData("verify", [
        `0x${example.webauthn.key.slice(42)}`,
        example.digest,
        inner,
      ]);
      const magic = question.slice(0, 10).padEnd(66, "0");
      expect(await provider.call({ to: verifier, data: question })).to.equal(magic);
    });
  });
});

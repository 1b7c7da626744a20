import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { concat, hexlify, MaxUint256, type Provider, Signature, toBeHex, Wallet, ZeroHash } from "ethers";
import { formatDid } from "../../../chain/did/did";
import { type SignatureClaim, verifyAccountSignature } from "../../../chain/registry/accountSignature";
import { encodeKey, encodeKeySignature, keyAccountOf, parseKeySignature } from "../../../chain/registry/keyAccount";
import { consentDigest } from "../../../chain/registry/consents";
import { readRevert } from "../../../chain/registry/reverts";
import { registryDomain } from "../../../chain/deployment";
import { DomainError } from "../../../core/errors";
import { ContractWallet__factory, EcdsaVerifier__factory } from "../../../typechain-types";
import { p256Key, webAuthnAssertion } from "../../contracts/support/p256";
import { type Fixture, fixture } from "../../support/fixture";
import { withOtherS } from "../../support/passkeys";

const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** An account, and how its holder signs. */
interface Account {
  name: string;
  address: string;
  sign(digest: string): string;
  /** Where s lies in its signatures, when they are of P-256. */
  sAt?: number;
}

describe("whether an account signed", () => {
  let api: Fixture;
  let accounts: Account[];
  let chain: Parameters<typeof verifyAccountSignature>[0];
  let p256 = "";
  let webauthn = "";

  before(async () => {
    api = await fixture("account-signature", { modules: [], chain: true });
    const { deployment, provider, keyVerifiers } = api.context.chain;
    ({ p256, webauthn } = deployment.keyVerifiers ?? { p256, webauthn });
    const made = await makeAccounts();
    accounts = made.accounts;
    // All that the registry would ask, so that nothing but the signatures decides.
    chain = { provider, keyVerifiers: new Set([...keyVerifiers, ...made.verifiers]) };
  });
  after(() => api.close());

  const setCode = (address: string, code: string) =>
    api.context.chain.provider.send("hardhat_setCode", [address, code]) as Promise<unknown>;

  async function codeAt(code: string): Promise<string> {
    const address = hexlify(randomBytes(20));
    await setCode(address, code);
    return address;
  }

  async function makeAccounts(): Promise<{ accounts: Account[]; verifiers: string[] }> {
    const deployer = new Wallet(api.chain.deployerPrivateKey, api.context.chain.provider);
    const [plain, owner, delegated] = [Wallet.createRandom(), Wallet.createRandom(), Wallet.createRandom()];
    const byKey = (wallet: typeof plain) => (digest: string) => wallet.signingKey.sign(digest).serialized;
    const contract = await (await new ContractWallet__factory(deployer).deploy(owner.address)).waitForDeployment();
    const contractAddress = (await contract.getAddress()).toLowerCase();
    const ecdsa = await (await new EcdsaVerifier__factory(deployer).deploy()).waitForDeployment();
    const ecdsaVerifier = (await ecdsa.getAddress()).toLowerCase();
    await setCode(delegated.address, concat(["0xef0100", contractAddress]));
    const address = (wallet: typeof plain) => wallet.address.toLowerCase();
    const foreign = {
      approving: await codeAt(answering("verify", "")),
      "approving with a longer answer": await codeAt(answering("verify", "", 64)),
      "answering the magic value and a stray bit": await codeAt(answering("verify", "600117")),
      reverting: await codeAt("0x60006000fd"),
      "burning all gas": await codeAt("0xfe"),
      silent: await codeAt("0x00"),
      missing: hexlify(randomBytes(20)),
      // It answers with what it is asked, which begins as an approval does.
      "the identity precompile": toBeHex(4, 20),
    };
    const approving = await codeAt(answering("isValidSignature", "", 64));
    const invalid = await codeAt("0xfe");
    return {
      verifiers: [ecdsaVerifier, ...Object.values(foreign)],
      accounts: [
        { name: "a key", address: address(plain), sign: byKey(plain) },
        { name: "a key with an EIP-7702 delegation", address: address(delegated), sign: byKey(delegated) },
        { name: "the contract behind an EIP-7702 delegation", address: address(delegated), sign: byKey(owner) },
        { name: "a contract", address: contractAddress, sign: byKey(owner) },
        { name: "a contract that approves with a long answer", address: approving, sign: byKey(owner) },
        { name: "a contract that burns all gas", address: invalid, sign: byKey(owner) },
        keyAccount("a key of secp256k1 behind a verifier", concat([ecdsaVerifier, owner.address]), byKey(owner)),
        { ...keyAccount("a P-256 key", encodeKey(p256, p256Key("a").publicKey), p256Key("a").sign), sAt: 86 + 32 },
        {
          ...keyAccount("a passkey", encodeKey(webauthn, p256Key("b").publicKey), (digest) =>
            webAuthnAssertion(p256Key("b"), digest),
          ),
          sAt: 86 + 32,
        },
        ...Object.entries(foreign).map(([kind, verifier]) =>
          keyAccount(`a key whose verifier is ${kind}`, encodeKey(verifier, "0x01"), () => "0x1234"),
        ),
      ],
    };
  }

  /** The digest of the consent that registers an account: what the registry itself compares with. */
  function registration(account: string) {
    const { deployment } = api.context.chain;
    const values = {
      did: formatDid(deployment.didMethod, account),
      documentUri: "https://x.example",
      documentHash: ZeroHash,
    };
    const terms = { signer: account, nonce: 0n, deadline: Number.MAX_SAFE_INTEGER };
    return { values, terms, digest: consentDigest(registryDomain(deployment), { type: "RegisterDID", values }, terms) };
  }

  /** What the deployed registry says. */
  async function registryTakes(account: string, signature: string): Promise<boolean> {
    const { values, terms } = registration(account);
    const { didRegistry } = api.context.chain;
    try {
      await didRegistry.registerDIDWithConsent.staticCall(values.did, values.documentUri, values.documentHash, {
        ...terms,
        signature,
      });
      return true;
    } catch (error) {
      expect(readRevert(error)?.description ?? String(error)).to.contain("InvalidSignature");
      return false;
    }
  }

  async function compare(claim: Pick<SignatureClaim, "account" | "signature">, what: string): Promise<boolean> {
    const { digest } = registration(claim.account);
    const [verified, taken] = await Promise.all([
      verifyAccountSignature(chain, { ...claim, digest }),
      registryTakes(claim.account, claim.signature),
    ]);
    if (verified === null) {
      expect(taken, `${what}: the registry takes ${claim.signature}`).to.equal(false);
      return false;
    }
    // A key's may have come in another form; what goes to the chain is taken there.
    if (verified.signature === claim.signature) expect(taken, `${what}: ${claim.signature}`).to.equal(true);
    else expect(await registryTakes(claim.account, verified.signature), what).to.equal(true);
    return true;
  }

  it("is decided as the registry does, for every kind of account and each one's own signature", async () => {
    const decided: Record<string, boolean> = {};
    for (const { name, address, sign } of accounts) {
      decided[name] = await compare({ account: address, signature: sign(registration(address).digest) }, name);
    }
    expect(decided).to.deep.equal({
      "a key": true,
      "a key with an EIP-7702 delegation": true,
      "the contract behind an EIP-7702 delegation": true,
      "a contract": true,
      "a contract that approves with a long answer": true,
      "a contract that burns all gas": false,
      "a key of secp256k1 behind a verifier": true,
      "a P-256 key": true,
      "a passkey": true,
      "a key whose verifier is approving": true,
      "a key whose verifier is approving with a longer answer": true,
      "a key whose verifier is answering the magic value and a stray bit": false,
      "a key whose verifier is reverting": false,
      "a key whose verifier is burning all gas": false,
      "a key whose verifier is silent": false,
      "a key whose verifier is missing": false,
      "a key whose verifier is the identity precompile": false,
    });
  });

  it("is decided as the registry does for malleable, altered, cut, longer, swapped and random signatures", async () => {
    for (const { name, address, sign, sAt } of accounts) {
      const { digest } = registration(address);
      const signatures = spoiled(sign(digest), sAt);
      signatures["over another digest"] = sign(hexlify(randomBytes(32)));
      // Another account's signature over this account's digest.
      for (const other of accounts) signatures[`by ${other.name}`] = other.sign(digest);
      const compared = Object.entries(signatures).map(([how, signature]) =>
        compare({ account: address, signature }, `${name}, ${how}`),
      );
      await Promise.all(compared);
    }
  });

  it("does not hang on the twin of a P-256 signature: only the low s counts, though both verify on the curve", async () => {
    for (const { name, address, sign, sAt } of accounts.filter((account) => account.sAt !== undefined)) {
      const good = sign(registration(address).digest);
      expect(await compare({ account: address, signature: good }, name)).to.equal(true);
      expect(await compare({ account: address, signature: withOtherS(good, sAt ?? 0) }, name)).to.equal(false);
    }
  });

  it("takes a key's signature of 64 bytes (EIP-2098) and with v 0 or 1, and gives it the registry's form", async () => {
    const wallet = Wallet.createRandom();
    const account = wallet.address.toLowerCase();
    const { digest } = registration(account);
    const { r, s, yParity, serialized, compactSerialized } = wallet.signingKey.sign(digest);
    for (const signature of [compactSerialized, `${r}${s.slice(2)}0${yParity}`]) {
      expect(await registryTakes(account, signature)).to.equal(false);
      const verified = await verifyAccountSignature(chain, { account, digest, signature });
      expect(verified).to.deep.equal({ kind: "key", signature: serialized });
      expect(await registryTakes(account, serialized)).to.equal(true);
    }
  });

  it("asks nothing of the chain when an account's own key signed", async () => {
    const wallet = Wallet.createRandom();
    const account = wallet.address.toLowerCase();
    const { digest } = registration(account);
    const provider = new Proxy({} as typeof chain.provider, {
      get() {
        throw new Error("the chain was asked");
      },
    });
    const signature = wallet.signingKey.sign(digest).serialized;
    const verified = await verifyAccountSignature(
      { provider, keyVerifiers: new Set() },
      { account, digest, signature },
    );
    expect(verified?.kind).to.equal("key");
  });

  it("is refused for a key whose verifier is not accepted, before the chain is asked", async () => {
    const stranger = accounts.find(({ name }) => name === "a key whose verifier is approving");
    const account = stranger?.address ?? "";
    const { digest } = registration(account);
    const claim = { account, digest, signature: stranger?.sign(digest) ?? "" };
    expect((await verifyAccountSignature(chain, claim))?.kind).to.equal("passkey");
    const error = await verifyAccountSignature(api.context.chain, claim).then(String, (reason: unknown) => reason);
    expect(error).to.be.instanceOf(DomainError).and.to.include({ code: "signature.verifier_not_accepted" });
  });

  it("is not decided by a node that does not run the question", async () => {
    for (const answer of ["0x", `0x${"00".repeat(31)}02`, `0x${"00".repeat(63)}01`]) {
      const provider = { call: () => Promise.resolve(answer) } as unknown as typeof chain.provider & Provider;
      const claim = { account: accounts[3]?.address ?? "", digest: ZeroHash, signature: "0x12" };
      const error = await verifyAccountSignature({ ...chain, provider }, claim).then(
        String,
        (reason: unknown) => reason,
      );
      expect(error, answer).to.include({ code: "rpc.failed" });
    }
  });

  it("finds the account that the contract finds for a key", async () => {
    for (const length of [21, 52, 84, 200]) {
      const key = hexlify(randomBytes(length));
      const account = (await api.context.chain.didRegistry.keyAccount(key)).toLowerCase();
      expect(keyAccountOf(key)).to.equal(account);
      expect(parseKeySignature(encodeKeySignature(key, "0xabcd"))).to.deep.equal({
        verifier: key.slice(0, 42),
        publicKey: `0x${key.slice(42)}`,
        signature: "0xabcd",
        account,
      });
    }
  });
});

function keyAccount(name: string, key: string, sign: (digest: string) => string): Account {
  return { name, address: keyAccountOf(key), sign: (digest) => encodeKeySignature(key, sign(digest)) };
}

/** Bytecode that answers every call with the selector of a function, after other opcodes changed it, in so many bytes. */
function answering(method: "verify" | "isValidSignature", opcodes: string, bytes = 32): string {
  const selector = method === "verify" ? "024ad318" : "1626ba7e";
  return `0x63${selector}60e01b${opcodes}60005260${toBeHex(bytes).slice(2)}6000f3`;
}

/** What a signature can be turned into without its key, by how. */
function spoiled(good: string, sAt: number | undefined): Record<string, string> {
  const cut = (bytes: number) => good.slice(0, 2 + 2 * bytes);
  const length = (good.length - 2) / 2;
  const flipped = Array.from({ length: 12 }, (_, index) => {
    const at = Math.floor((index * length) / 12);
    const byte = parseInt(good.slice(2 + 2 * at, 4 + 2 * at), 16) ^ (1 << (index % 8));
    return [`bit flipped in byte ${at}`, `${cut(at)}${toBeHex(byte, 1).slice(2)}${good.slice(4 + 2 * at)}`] as const;
  });
  const random = [0, 1, 2, 21, 22, 23, 64, 65, 66, 150].map(
    (bytes) => [`${bytes} random bytes`, hexlify(randomBytes(bytes))] as const,
  );
  return {
    ...Object.fromEntries(flipped),
    ...Object.fromEntries(random),
    empty: "0x",
    "cut by one byte": cut(length - 1),
    "cut by 32 bytes": cut(Math.max(length - 32, 0)),
    "cut after the key's length": cut(2),
    "one byte longer": `${good}00`,
    "32 bytes longer": `${good}${"00".repeat(32)}`,
    "a key of 20 bytes": `0x0014${good.slice(6)}`,
    "a key longer than all": `0xffff${good.slice(6)}`,
    "a key one byte shorter": `0x0053${good.slice(6)}`,
    ...(sAt !== undefined && { "other s": withOtherS(good, sAt) }),
    ...(length === 65 && spoiledEcdsa(good)),
  };
}

function spoiledEcdsa(good: string): Record<string, string> {
  const { r, s, yParity, compactSerialized } = Signature.from(good);
  const highS = toBeHex(SECP256K1_ORDER - BigInt(s), 32).slice(2);
  return {
    "high s": `${r}${highS}${yParity === 0 ? "1c" : "1b"}`,
    "high s, v 0 or 1": `${r}${highS}0${1 - yParity}`,
    "other v": `${r}${s.slice(2)}${yParity === 0 ? "1c" : "1b"}`,
    "v 29": `${r}${s.slice(2)}1d`,
    "v 0 or 1": `${r}${s.slice(2)}0${yParity}`,
    compact: compactSerialized,
    "r of zero": `${ZeroHash}${s.slice(2)}1b`,
    "s of zero": `${r}${ZeroHash.slice(2)}1b`,
    "r too large": `${toBeHex(MaxUint256)}${s.slice(2)}1b`,
  };
}

import { loadFixture, setCode } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { concat, id, toBeHex, Wallet, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import {
  accountAt,
  ecdsaKeyAccount,
  keyAccountOf,
  keySignature,
  networkAccount,
  p256Account,
  passkeyAccount,
  type TestAccount,
} from "./support/accounts";
import { type Consent, consentTo, type SignedWrite } from "./support/consents";
import { P256_ORDER, p256Key, webAuthnAssertion } from "./support/p256";
import {
  credIdOf,
  didOf,
  DOCUMENT_HASH,
  emptyRegistry,
  FOREVER,
  STATUS_ROLE,
  URI,
  type World,
} from "./support/registry";
import { consentFor, sendWithConsent, SIGNED_CALLS } from "./support/signedCalls";
import { namedKey } from "./support/secp256k1";

const KEY = namedKey("the key behind them all");

/** Every kind of account, with one key behind five of them. */
async function manyAccounts() {
  const world = await emptyRegistry();
  const deploy = async (name: string, ...args: unknown[]) => (await ethers.deployContract(name, args)).getAddress();
  const wallet = await deploy("ContractWallet", KEY.address);
  const otherWallet = await deploy("ContractWallet", KEY.address);
  const ecdsaVerifier = await deploy("EcdsaVerifier");
  const p256Verifier = await deploy("ERC7913P256Verifier");
  const webAuthnVerifier = await deploy("ERC7913WebAuthnVerifier");
  const delegated = new Wallet(namedKey("delegated").privateKey, ethers.provider);
  await delegate7702(world, delegated, wallet);
  const accounts: Record<string, TestAccount> = {
    "an account without code": KEY,
    "a contract wallet": accountAt(wallet, KEY),
    "another contract wallet": accountAt(otherWallet, KEY),
    "an account with an EIP-7702 delegation, by its contract": accountAt(delegated.address, KEY),
    "a key account": ecdsaKeyAccount(ecdsaVerifier, KEY),
    "an account with an EIP-7702 delegation, by its own key": accountAt(delegated.address, namedKey("delegated")),
    "a P-256 key account": p256Account(p256Verifier, "device"),
    "a passkey account": passkeyAccount(webAuthnVerifier, "passkey"),
  };
  return { ...world, accounts, wallet, otherWallet, ecdsaVerifier, p256Verifier, webAuthnVerifier, delegated };
}

/** Delegates an account's code by a transaction of type 4 (EIP-7702). */
async function delegate7702({ relayer }: World, account: Wallet, address: string): Promise<void> {
  const nonce = await ethers.provider.getTransactionCount(account.address);
  const { chainId } = await ethers.provider.getNetwork();
  const authorization = await account.authorize({ address, nonce, chainId });
  const sender = new Wallet(networkAccount(relayer).privateKey, ethers.provider);
  const sent = await sender.sendTransaction({ type: 4, to: relayer.address, authorizationList: [authorization] });
  await sent.wait();
}

const ACCOUNTS = [
  "an account without code",
  "a contract wallet",
  "another contract wallet",
  "an account with an EIP-7702 delegation, by its contract",
  "a key account",
  "an account with an EIP-7702 delegation, by its own key",
  "a P-256 key account",
  "a passkey account",
];

function accountOf(accounts: Record<string, TestAccount>, name: string): TestAccount {
  const account = accounts[name];
  if (!account) throw new Error(`There is no ${name}.`);
  return account;
}

const registrationOf = ({ address }: TestAccount): SignedWrite => ({
  name: "registerDID",
  did: didOf(address),
  documentUri: URI,
  documentHash: DOCUMENT_HASH,
});

for (const name of ACCOUNTS) {
  describe(`consents of ${name}`, () => {
    it("of every type take effect", async () => {
      const world = await loadFixture(manyAccounts);
      const signer = accountOf(world.accounts, name);
      const { address } = signer;
      // The account is the identity itself, or whoever the call needs: all roles in one.
      const inItsName = { ...world, issuer: { address }, stranger: { address } };
      for (const call of SIGNED_CALLS) {
        const snapshot = (await ethers.provider.send("evm_snapshot", [])) as string;
        if (call.name === "rotateController") {
          const naming = SIGNED_CALLS.find((other) => other.name === "nameSuccessor");
          if (!naming) throw new Error("A successor can be named.");
          const by = await consentFor(naming, inItsName, { signer });
          await sendWithConsent(world, naming.write(inItsName), by);
        }
        if (call.name === "revokeDelegate") {
          const grant: SignedWrite = {
            name: "addDelegate",
            identity: address,
            role: STATUS_ROLE,
            delegate: world.delegate.address,
            expiresAt: FOREVER,
          };
          await sendWithConsent(world, grant, await consentTo(world.registry, grant, signer));
        }
        const write =
          call.name === "changeController"
            ? ({ ...call.write(inItsName), newController: world.holder.address } as SignedWrite)
            : call.write(inItsName);
        const by = await consentFor(call, inItsName, { signer, write });
        await expect(sendWithConsent(world, write, by), call.name).to.emit(world.registry, call.event);
        await ethers.provider.send("evm_revert", [snapshot]);
      }
    });

    it("are refused with another's signature", async () => {
      const world = await loadFixture(manyAccounts);
      const { address } = accountOf(world.accounts, name);
      const write = registrationOf({ address } as TestAccount);
      const forger = networkAccount(world.stranger);
      const by = await consentTo(world.registry, write, forger, { account: address });
      for (const signature of [by.signature, "0x", `0x${"00".repeat(65)}`, keySignature("0x", by.signature)]) {
        await expect(sendWithConsent(world, write, { ...by, signature })).to.be.revertedWithCustomError(
          world.registry,
          "InvalidSignature",
        );
      }
    });

    it("are judged without a transaction as the registry judges them", async () => {
      const world = await loadFixture(manyAccounts);
      const { address, sign } = accountOf(world.accounts, name);
      const digest = id("what is signed");
      const query = await ethers.getContractFactory("SignatureQuery");
      const ask = async (signature: string) => {
        const { data } = await query.getDeployTransaction(address, digest, signature, 5_000_000);
        return ethers.provider.call({ data });
      };
      expect(await ask(sign(digest))).to.equal(toBeHex(1, 32));
      for (const signature of [sign(id("another")), "0x"]) expect(await ask(signature)).to.equal(ZeroHash);
    });

    it("are of no other account that the same key stands behind", async () => {
      const world = await loadFixture(manyAccounts);
      const signer = accountOf(world.accounts, name);
      for (const other of ACCOUNTS) {
        const { address } = accountOf(world.accounts, other);
        if (address === signer.address) continue;
        const write: SignedWrite = { name: "anchorDigest", identity: address, digest: id("a digest") };
        const by = await consentTo(world.registry, write, signer, { nonce: 0n });
        const relabelled = { ...by, signer: address };
        await expect(sendWithConsent(world, write, relabelled), other).to.be.revertedWithCustomError(
          world.registry,
          "InvalidSignature",
        );
      }
    });
  });
}

describe("an account with code", () => {
  it("that is a contract is never asked for ECDSA, though a key to its address exists", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, wallet, relayer } = world;
    const key = namedKey("covered");
    const write = registrationOf(key);
    const by = await consentTo(registry, write, key);
    await setCode(key.address, await ethers.provider.getCode(wallet));
    await expect(sendWithConsent(world, write, by)).to.be.revertedWithCustomError(registry, "InvalidSignature");
    // Of 23 bytes too, which an EIP-7702 delegation has: its first three bytes make it one, which no contract's are.
    for (const start of ["0x000000", "0xfe0100", "0x5f5ff3"]) {
      await setCode(key.address, concat([start, relayer.address]));
      await expect(sendWithConsent(world, write, by), start).to.be.revertedWithCustomError(
        registry,
        "InvalidSignature",
      );
    }
  });

  it("that delegates by EIP-7702 signs by its own key, whatever the contract says", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, delegated } = world;
    const answering = await ethers.deployContract("AnsweringWallet", ["0x", false]);
    await delegate7702(world, delegated, await answering.getAddress());
    const signer = accountAt(delegated.address, namedKey("delegated"));
    const write = registrationOf(signer);
    await expect(sendWithConsent(world, write, await consentTo(registry, write, signer))).to.emit(
      registry,
      "DIDRegistered",
    );
  });

  it("that delegated by EIP-7702 and took it back signs by its own key alone", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, delegated } = world;
    await delegate7702(world, delegated, ethers.ZeroAddress);
    expect(await ethers.provider.getCode(delegated.address)).to.equal("0x");
    const write = registrationOf({ address: delegated.address } as TestAccount);
    const byContract = await consentTo(registry, write, accountAt(delegated.address, KEY));
    await expect(sendWithConsent(world, write, byContract)).to.be.revertedWithCustomError(registry, "InvalidSignature");
    const byKey = await consentTo(registry, write, accountAt(delegated.address, namedKey("delegated")));
    await expect(sendWithConsent(world, write, byKey)).to.emit(registry, "DIDRegistered");
  });

  it("that does not speak ERC-1271 cannot sign", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, holder } = world;
    const address = await registry.getAddress();
    const write = registrationOf({ address } as TestAccount);
    const by = await consentTo(registry, write, networkAccount(holder), { account: address });
    await expect(sendWithConsent(world, write, by)).to.be.revertedWithCustomError(registry, "InvalidSignature");
  });

  it("signs by ERC-1271's own answer and by nothing near it", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry } = world;
    const query = await ethers.getContractFactory("SignatureQuery");
    const magic = "0x1626ba7e";
    const word = (start: string) => start.padEnd(66, "0");
    for (const [answer, accepted] of [
      [word(magic), true],
      [concat([word(magic), `0x${"ff".repeat(5000)}`]), true],
      [magic, false],
      [word(magic).slice(0, -2), false],
      [`${magic}${"00".repeat(27)}01`, false],
      [word("0x1626ba7f"), false],
      [word("0xffffffff"), false],
      [toBeHex(1, 32), false],
      ["0x", false],
    ] as const) {
      const wallet = await ethers.deployContract("AnsweringWallet", [answer, false]);
      const address = await wallet.getAddress();
      const write = registrationOf({ address } as TestAccount);
      const by: Consent = { signer: address, nonce: 0n, deadline: FOREVER, signature: "0x" };
      const sending = sendWithConsent(world, write, by);
      if (accepted) await expect(sending, answer.slice(0, 70)).to.emit(registry, "DIDRegistered");
      else await expect(sending, answer).to.be.revertedWithCustomError(registry, "InvalidSignature");
      // Asked without a transaction, where no earlier word lies in memory behind an answer that is too short.
      const { data } = await query.getDeployTransaction(address, id("what is signed"), "0x", 5_000_000);
      expect(await ethers.provider.call({ data }), answer.slice(0, 70)).to.equal(toBeHex(accepted ? 1 : 0, 32));
    }
  });

  it("does not sign by reverting, whatever it reverts with", async () => {
    const world = await loadFixture(manyAccounts);
    const wallet = await ethers.deployContract("AnsweringWallet", ["0x1626ba7e".padEnd(66, "0"), true]);
    const address = await wallet.getAddress();
    const by: Consent = { signer: address, nonce: 0n, deadline: FOREVER, signature: "0x" };
    await expect(sendWithConsent(world, registrationOf({ address } as TestAccount), by)).to.be.revertedWithCustomError(
      world.registry,
      "InvalidSignature",
    );
  });

  it("acts for itself by calling", async () => {
    const { registry, holder } = await loadFixture(manyAccounts);
    const wallet = await ethers.deployContract("ContractWallet", [holder.address]);
    const address = await wallet.getAddress();
    const call = registry.interface.encodeFunctionData("registerDID", [didOf(address), URI]);
    await wallet.connect(holder).execute(await registry.getAddress(), call);
    expect((await registry.resolveDID(address)).registered).to.equal(true);
  });
});

describe("a key account", () => {
  it("has an address of its own for each key, apart from all others", async () => {
    const { registry, p256Verifier, ecdsaVerifier } = await loadFixture(manyAccounts);
    const key = concat([p256Verifier, p256Key("device").publicKey]);
    expect(await registry.keyAccount(key)).to.equal(keyAccountOf(key));
    const others = [
      concat([ecdsaVerifier, p256Key("device").publicKey]),
      concat([p256Verifier, p256Key("another").publicKey]),
      `${key}00`,
    ];
    const addresses = await Promise.all([key, ...others].map((each) => registry.keyAccount(each)));
    expect(new Set(addresses).size).to.equal(4);
    // The account that a public key of secp256k1 has is the hash of the key alone.
    expect(addresses[0]).not.to.equal(ethers.getAddress(ethers.dataSlice(ethers.keccak256(key), 12)));
  });

  it("needs a key of 21 to 65,535 bytes", async () => {
    const { registry } = await loadFixture(manyAccounts);
    for (const length of [0, 19, 20, 65_536]) {
      await expect(registry.keyAccount(`0x${"11".repeat(length)}`))
        .to.be.revertedWithCustomError(registry, "InvalidKeyLength")
        .withArgs(length);
    }
    for (const length of [21, 65_535]) {
      const key = `0x${"11".repeat(length)}`;
      expect(await registry.keyAccount(key)).to.equal(keyAccountOf(key));
    }
  });

  it("cannot sign with a key of 20 bytes: a verifier without a public key", async () => {
    const world = await loadFixture(manyAccounts);
    // Each says yes to everything, so that only the length can be at fault.
    const verifier = await ethers.deployContract("AnsweringWallet", ["0x024ad318".padEnd(66, "0"), false]);
    const address = await verifier.getAddress();
    for (const [key, accepted] of [
      [address, false],
      [ethers.dataSlice(address, 0, 19), false],
      ["0x", false],
      [`${address}00`, true],
    ] as const) {
      const account = { address: keyAccountOf(key), sign: () => keySignature(key, "0x1234") };
      const write = registrationOf(account);
      const sending = sendWithConsent(world, write, await consentTo(world.registry, write, account));
      if (accepted) await expect(sending).to.emit(world.registry, "DIDRegistered");
      else await expect(sending, key).to.be.revertedWithCustomError(world.registry, "InvalidSignature");
    }
  });

  it("is not the account of the same bytes without the tag", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, ecdsaVerifier } = world;
    const key = concat([ecdsaVerifier, KEY.address]);
    const untagged = ethers.getAddress(ethers.dataSlice(ethers.keccak256(key), 12));
    const account = { address: untagged, sign: (digest: string) => keySignature(key, KEY.sign(digest)) };
    const write = registrationOf(account);
    await expect(
      sendWithConsent(world, write, await consentTo(registry, write, account)),
    ).to.be.revertedWithCustomError(registry, "InvalidSignature");
  });

  it("signs with its own key, whole and first", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, ecdsaVerifier } = world;
    const account = ecdsaKeyAccount(ecdsaVerifier, KEY);
    const key = concat([ecdsaVerifier, KEY.address]);
    const write = registrationOf(account);
    const by = await consentTo(registry, write, account);
    const inner = ethers.dataSlice(by.signature, 2 + 40);
    expect(keySignature(key, inner)).to.equal(by.signature);
    const other = ecdsaKeyAccount(ecdsaVerifier, namedKey("another"));
    const forged = await consentTo(registry, write, other, { account: account.address });
    for (const [what, signature] of [
      ["the key's signature alone", inner],
      ["no length", concat([key, inner])],
      ["a length of zero", concat(["0x0000", inner])],
      ["a length past the end", concat(["0xffff", key, inner])],
      ["a length one too long", concat([toBeHex(41, 2), key, inner])],
      ["a length one too short", concat([toBeHex(39, 2), key, inner])],
      ["a single byte", "0x00"],
      ["the length alone", "0x0028"],
      ["another key", keySignature(concat([ecdsaVerifier, world.stranger.address]), inner)],
      ["another key that signed", forged.signature],
      ["no signature of the key", keySignature(key, "0x")],
    ] as const) {
      await expect(sendWithConsent(world, write, { ...by, signature }), what).to.be.revertedWithCustomError(
        registry,
        "InvalidSignature",
      );
    }
    await sendWithConsent(world, write, by);
  });

  it("cannot sign when nothing is at its verifier's address, or it reverts, or answers something else", async () => {
    const world = await loadFixture(manyAccounts);
    const answering = async (answer: string) =>
      (await ethers.deployContract("AnsweringWallet", [answer, false])).getAddress();
    for (const verifier of [
      world.stranger.address,
      // The identity precompile gives back the question, whose first word is that of a yes.
      toBeHex(4, 20),
      await (await ethers.deployContract("GasBurningWallet")).getAddress(),
      await answering("0x024ad318"),
      await answering("0x1626ba7e".padEnd(66, "0")),
      await answering(toBeHex(1, 32)),
    ]) {
      const key = concat([verifier, "0x01"]);
      const account = { address: keyAccountOf(key), sign: () => keySignature(key, "0x1234") };
      const write = registrationOf(account);
      await expect(
        sendWithConsent(world, write, await consentTo(world.registry, write, account)),
      ).to.be.revertedWithCustomError(world.registry, "InvalidSignature");
    }
  });

  it("of a P-256 key is refused the other half of its signatures", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, p256Verifier } = world;
    const account = p256Account(p256Verifier, "device");
    const key = concat([p256Verifier, p256Key("device").publicKey]);
    const write = registrationOf(account);
    const by = await consentTo(registry, write, account);
    const inner = ethers.dataSlice(by.signature, 2 + 84);
    const highS = toBeHex(P256_ORDER - BigInt(ethers.dataSlice(inner, 32)), 32);
    const signature = keySignature(key, concat([ethers.dataSlice(inner, 0, 32), highS]));
    await expect(sendWithConsent(world, write, { ...by, signature })).to.be.revertedWithCustomError(
      registry,
      "InvalidSignature",
    );
  });

  it("of a passkey is refused without the user's presence or verification, and for another ceremony", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, webAuthnVerifier } = world;
    const passkey = p256Key("passkey");
    const key = concat([webAuthnVerifier, passkey.publicKey]);
    for (const [options, accepted] of [
      [{ flags: 0x00 }, false],
      [{ flags: 0x01 }, false],
      [{ flags: 0x04 }, false],
      [{ type: "webauthn.create" }, false],
      [{ flags: 0x05 }, true],
    ] as const) {
      const account = {
        address: keyAccountOf(key),
        sign: (digest: string) => keySignature(key, webAuthnAssertion(passkey, digest, options)),
      };
      const write = registrationOf(account);
      const sending = sendWithConsent(world, write, await consentTo(registry, write, account));
      if (accepted) await expect(sending).to.emit(registry, "DIDRegistered");
      else await expect(sending).to.be.revertedWithCustomError(registry, "InvalidSignature");
    }
  });

  it("of a passkey signs this consent and no other", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, webAuthnVerifier } = world;
    const account = passkeyAccount(webAuthnVerifier, "passkey");
    const write = registrationOf(account);
    const by = await consentTo(registry, write, account);
    await expect(sendWithConsent(world, write, { ...by, deadline: by.deadline + 1n })).to.be.revertedWithCustomError(
      registry,
      "InvalidSignature",
    );
  });

  it("holds a role and controls an identity like any other account", async () => {
    const world = await loadFixture(manyAccounts);
    const { registry, issuer, p256Verifier } = world;
    const account = p256Account(p256Verifier, "device");
    await registry.connect(issuer).addDelegate(issuer.address, STATUS_ROLE, account.address, FOREVER);
    const revoke: SignedWrite = { name: "setStatus", credId: credIdOf(issuer, 3), purpose: 0n, on: true };
    await sendWithConsent(world, revoke, await consentTo(registry, revoke, account));
    expect(await registry.isCredentialRevoked(credIdOf(issuer, 3))).to.equal(true);
    await registry.connect(issuer).changeController(issuer.address, account.address);
    const back: SignedWrite = { name: "changeController", identity: issuer.address, newController: issuer.address };
    await sendWithConsent(world, back, await consentTo(registry, back, account));
    expect(await registry.controllerOf(issuer.address)).to.equal(issuer.address);
  });
});

describe("a contract wallet that calls back when asked for its signature", () => {
  async function withHostileWallet() {
    const world = await emptyRegistry();
    const wallet = await ethers.deployContract("ReentrantWallet");
    const address = await wallet.getAddress();
    const by: Consent = { signer: address, nonce: 0n, deadline: FOREVER, signature: "0x" };
    const write = registrationOf({ address } as TestAccount);
    return { ...world, wallet, address, by, write };
  }

  it("can read, and finds its nonce consumed already", async () => {
    const world = await loadFixture(withHostileWallet);
    const { registry, wallet, address, by, write } = world;
    const question = registry.interface.encodeFunctionData("nonceOfSigner", [address, ZeroHash, address]);
    await wallet.prepare(question, toBeHex(1, 32));
    await expect(sendWithConsent(world, write, by)).to.emit(registry, "DIDRegistered");
  });

  it("finds nothing written in a bulk, and its entry alone is left out when it tries to write", async () => {
    const world = await loadFixture(withHostileWallet);
    const { registry, wallet, address, by } = world;
    const headers = registry.interface.encodeFunctionData("headers", [[address]]);
    const zero = registry.interface.encodeFunctionResult("headers", [[0]]);
    const entries = [{ documentUri: URI, documentHash: DOCUMENT_HASH, consent: by }];
    await wallet.prepare(registry.interface.encodeFunctionData("anchorDigest", [address, ZeroHash]), "0x");
    expect(await registry.registerManyWithConsent.staticCall(entries)).to.equal(0);
    await wallet.prepare(headers, zero);
    expect(await registry.registerManyWithConsent.staticCall(entries)).to.equal(1);
  });

  it("cannot change anything, neither by calling nor with the same consent", async () => {
    const world = await loadFixture(withHostileWallet);
    const { registry, wallet, address, by, write } = world;
    const abi = registry.interface;
    const again = abi.encodeFunctionData("registerDIDWithConsent", [didOf(address), URI, DOCUMENT_HASH, by]);
    for (const payload of [
      abi.encodeFunctionData("registerDID", [didOf(address), URI]),
      again,
      abi.encodeFunctionData("multicall", [[again]]),
      abi.encodeFunctionData("cancelNonces", [address, ZeroHash, 1]),
      abi.encodeFunctionData("cancelNonces", [address, ZeroHash, 2]),
      abi.encodeFunctionData("anchorDigest", [address, ZeroHash]),
      abi.encodeFunctionData("setCredentialStatus", [credIdOf({ address }, 0), true]),
      abi.encodeFunctionData("changeController", [address, world.stranger.address]),
    ]) {
      await wallet.prepare(payload, "0x");
      await expect(sendWithConsent(world, write, by)).to.be.revertedWithCustomError(registry, "InvalidSignature");
      expect(await registry.headers([address])).to.deep.equal([0n]);
    }
  });
});

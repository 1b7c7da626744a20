import { expect } from "chai";
import { Signature, TypedDataEncoder, type TypedDataField, Wallet } from "ethers";
import { encodeKey, encodeKeySignature, keyAccountOf } from "../../../chain/registry/keyAccount";
import { successorCommitment } from "../../../chain/registry/successor";
import { p256Key, webAuthnAssertion } from "../../contracts/support/p256";
import type { Answer } from "../../support/ask";
import {
  askTypedData,
  newController,
  newSuccessor,
  prepare,
  prepareNaming,
  prepareRotation,
  registryAs,
  signed,
  type TestController,
  untilOperation,
} from "../../support/controlActors";
import { deployContractWallet } from "../../support/credentialActors";
import { type Fixture, fixture } from "../../support/fixture";

const ZERO_HASH = `0x${"0".repeat(64)}`;

describe("control of an identity", () => {
  let on: Fixture;
  let alice: TestController;

  before(async () => {
    on = await fixture("control", { modules: ["wallets", "control"], chain: true, workers: true });
    await on.startIndexer();
  });
  after(() => on.close());
  beforeEach(async () => {
    alice = await newController(on);
  });

  const send = (path: string, body: object, token?: string): Promise<Answer> =>
    on.ask("POST", `/control/${path}`, { body, token });
  const record = (identity: string) => on.context.chain.didRegistry.resolveDID(identity);

  /** Hands an operation in, and follows it to the end. */
  async function complete(path: string, body: object, token?: string) {
    const accepted = await send(path, body, token);
    expect(accepted.status, accepted.text).to.equal(202);
    return untilOperation(on, accepted.body["operationId"] as string, "final");
  }

  async function name(controller: TestController) {
    const successor = newSuccessor(controller.identity);
    await complete("name-successor", await prepareNaming(on, controller, successor), controller.token);
    return successor;
  }

  it("commits to a successor by the controller's signature, paid by the relayer", async () => {
    const successor = newSuccessor(alice.identity);
    const body = await prepareNaming(on, alice, successor);
    const accepted = await send("name-successor", body, alice.token);
    expect(accepted.body).to.include({
      operation: "name-successor",
      did: alice.did,
      signer: alice.identity,
      status: "queued",
    });
    const { operationId } = accepted.body;
    expect(new URL(accepted.headers.get("location")!).pathname).to.equal(`/control/operations/${operationId}`);
    const done = await untilOperation(on, operationId as string, "final");
    expect((await record(alice.identity)).successor).to.equal(successor.commitment);
    const receipt = await on.context.chain.provider.getTransactionReceipt(done["transactionHash"] as string);
    expect(receipt!.from).to.equal(on.chain.relayer.address);
    expect(receipt!.blockNumber).to.equal(done["blockNumber"]);
    expect((await on.context.projection.findDid(alice.identity)).state?.successor).to.equal(successor.commitment);
  });

  it("goes to the successor alone, without account or session, when the controller's key is lost", async () => {
    const successor = await name(alice);
    const next = newSuccessor(alice.identity);
    const done = await complete("rotate", await prepareRotation(on, alice.did, successor, next.commitment));
    expect(done).to.include({ operation: "rotate", signer: successor.address, did: alice.did });
    const { controller, successor: commitment } = await record(alice.identity);
    expect([controller.toLowerCase(), commitment]).to.deep.equal([successor.address, next.commitment]);

    const last = await complete("rotate", await prepareRotation(on, alice.did, next));
    expect(last["status"]).to.equal("final");
    const after = await record(alice.identity);
    expect([after.controller.toLowerCase(), after.successor]).to.deep.equal([next.address, ZERO_HASH]);
  });

  it("refuses a nonce that is no number, or more than 256 bits, by its name", async () => {
    const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
    for (const nonce of ["2232e6153a8643452cb1d696b81a73ab", "-1", "", "9".repeat(79), (2n ** 256n).toString()]) {
      const refused = await send(
        "name-successor",
        { ...body, consent: { ...(body.consent as object), nonce } },
        alice.token,
      );
      expect([refused.status, refused.body.errors.map(({ field }) => field)], nonce).to.deep.equal([
        400,
        ["body.consent.nonce"],
      ]);
    }
  });

  it("is not the thief's: who has the controller's key can neither hand it on, name another, nor block the successor", async () => {
    const successor = await name(alice);
    const thief = Wallet.createRandom().address;
    const handOver = await askTypedData(on, "change-controller", { did: alice.did, newController: thief }, alice.token);
    expect([handOver.status, handOver.body.code]).to.deep.equal([409, "control.successor_required"]);
    const { commitment } = newSuccessor(alice.identity);
    const another = await askTypedData(on, "name-successor", { did: alice.did, commitment }, alice.token);
    expect([another.status, another.body.code]).to.deep.equal([409, "control.successor_named"]);

    await on.stopWorkers();
    const cancelling = { body: { did: alice.did }, key: alice.wallet, token: alice.token };
    const blocking = await send("cancel-consents", await prepare(on, "cancel-consents", cancelling), alice.token);
    expect(blocking.body["status"]).to.equal("queued");
    const rotation = await send("rotate", await prepareRotation(on, alice.did, successor));
    expect(rotation.status, rotation.text).to.equal(202);
    on.startWorkers();
    await untilOperation(on, rotation.body["operationId"] as string, "final");
    expect((await record(alice.identity)).controller.toLowerCase()).to.equal(successor.address);
  });

  it("can be handed to another account while no successor is named, by its controller alone", async () => {
    const heir = await newController(on);
    const body = { did: alice.did, newController: heir.identity };
    await complete(
      "change-controller",
      await prepare(on, "change-controller", { body, key: alice.wallet, token: alice.token }),
      alice.token,
    );
    expect((await record(alice.identity)).controller.toLowerCase()).to.equal(heir.identity);

    // From now on it is the heir who names a successor for Alice's DID.
    const { commitment } = newSuccessor(alice.identity);
    const former = await askTypedData(on, "name-successor", { did: alice.did, commitment }, alice.token);
    expect([former.status, former.body.code]).to.deep.equal([403, "control.signer_not_linked"]);
    const question = { body: { did: alice.did, commitment }, key: heir.wallet, token: heir.token };
    await complete("name-successor", await prepare(on, "name-successor", question), heir.token);
    expect((await record(alice.identity)).successor).to.equal(commitment);
  });

  it("makes consents worthless that were signed and not used", async () => {
    const unused = await prepareNaming(on, alice, newSuccessor(alice.identity));
    const question = { body: { did: alice.did }, key: alice.wallet, token: alice.token };
    await complete("cancel-consents", await prepare(on, "cancel-consents", question), alice.token);
    const refused = await send("name-successor", unused, alice.token);
    expect([refused.status, refused.body.code]).to.deep.equal([409, "control.nonce_moved"]);
    expect((await record(alice.identity)).successor).to.equal(ZERO_HASH);
  });

  it("takes the signature of a contract wallet that is the successor", async () => {
    const owner = Wallet.createRandom();
    const address = await deployContractWallet(on, owner.address);
    const salt = `0x${"07".repeat(32)}`;
    const commitment = successorCommitment({ identity: alice.identity, successor: address, salt });
    await complete("name-successor", await prepareNaming(on, alice, { commitment }), alice.token);
    const body = { did: alice.did, successor: address, salt };
    await complete("rotate", await prepare(on, "rotate", { body, key: owner }));
    expect((await record(alice.identity)).controller.toLowerCase()).to.equal(address);
  });

  it("takes the signature of a passkey that is the successor, and whose account only signs", async () => {
    const passkey = p256Key("a successor's");
    const key = encodeKey(on.context.chain.deployment.keyVerifiers!.webauthn, passkey.publicKey);
    const successor = keyAccountOf(key);
    const salt = `0x${"09".repeat(32)}`;
    const commitment = successorCommitment({ identity: alice.identity, successor, salt });
    await complete("name-successor", await prepareNaming(on, alice, { commitment }), alice.token);
    const { body } = await askTypedData(on, "rotate", { did: alice.did, successor, salt });
    const { typedData, ...request } = body;
    const { EIP712Domain: _, ...types } = typedData.types as Record<string, TypedDataField[]>;
    const digest = TypedDataEncoder.hash(typedData.domain as object, types, typedData.message as object);
    const signature = encodeKeySignature(key, webAuthnAssertion(passkey, digest));
    await complete("rotate", { ...request, consent: { ...request["consent"], signature } });
    expect((await record(alice.identity)).controller.toLowerCase()).to.equal(successor);
  });

  it("takes a signature of 64 bytes (EIP-2098)", async () => {
    const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
    const consent = body["consent"] as { signature: string };
    const { compactSerialized } = Signature.from(consent.signature);
    await complete("name-successor", { ...body, consent: { ...consent, signature: compactSerialized } }, alice.token);
  });

  it("follows a consent that somebody else sent to its end, with that transaction", async () => {
    const successor = newSuccessor(alice.identity);
    await on.stopWorkers();
    const accepted = await send("name-successor", await prepareNaming(on, alice, successor), alice.token);
    const registry = await registryAs(on, alice.wallet);
    const sent = await registry.nameSuccessor(alice.identity, successor.commitment);
    await sent.wait();
    on.startWorkers();
    const done = await untilOperation(on, accepted.body["operationId"] as string, "final");
    expect(done["transactionHash"]).to.equal(sent.hash);
  });

  describe("rejects, in words that say what to do,", () => {
    const rejected = async (answer: Promise<Answer>) => {
      const { status, body } = await answer;
      return [status, body.code];
    };

    it("what somebody else signed", async () => {
      const { did, token } = alice;
      const { commitment } = newSuccessor(alice.identity);
      const question = await askTypedData(on, "name-successor", { did, commitment }, token);
      const forged = await signed(question.body, Wallet.createRandom());
      expect(await rejected(send("name-successor", forged, token))).to.deep.equal([403, "control.signature_mismatch"]);
    });

    it("what was changed after it was signed", async () => {
      const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
      const other = { ...body, commitment: newSuccessor(alice.identity).commitment };
      expect(await rejected(send("name-successor", other, alice.token))).to.deep.equal([
        403,
        "control.signature_mismatch",
      ]);
    });

    it("a successor that the identity did not commit to, before and after it signs", async () => {
      const successor = await name(alice);
      const stranger = newSuccessor(alice.identity);
      const asked = askTypedData(on, "rotate", { did: alice.did, successor: stranger.address, salt: stranger.salt });
      expect(await rejected(asked)).to.deep.equal([403, "control.not_successor"]);
      const body = await prepareRotation(on, alice.did, successor);
      const other = { ...body, salt: stranger.salt };
      expect(await rejected(send("rotate", other))).to.deep.equal([403, "control.not_successor"]);
    });

    it("a rotation that was done", async () => {
      const successor = await name(alice);
      const body = await prepareRotation(on, alice.did, successor);
      await complete("rotate", body);
      const again = askTypedData(on, "rotate", { did: alice.did, successor: successor.address, salt: successor.salt });
      expect(await rejected(again)).to.deep.equal([403, "control.not_successor"]);
    });

    it("an identity that is no wallet of the session, and a session that is none", async () => {
      const bob = await newController(on);
      const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
      expect(await rejected(send("name-successor", body, bob.token))).to.deep.equal([403, "control.signer_not_linked"]);
      expect((await send("name-successor", body)).status).to.equal(401);
    });

    it("a deactivated identity", async () => {
      const registry = await registryAs(on, alice.wallet);
      const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
      await (await registry.deactivateDID(alice.identity)).wait();
      expect(await rejected(send("name-successor", body, alice.token))).to.deep.equal([409, "control.deactivated"]);
      const { commitment } = newSuccessor(alice.identity);
      const asked = askTypedData(on, "name-successor", { did: alice.did, commitment }, alice.token);
      expect(await rejected(asked)).to.deep.equal([409, "control.deactivated"]);
    });

    it("a DID of another method, a commitment to nobody and a handing over to nobody", async () => {
      const { commitment } = newSuccessor(alice.identity);
      const other = { did: `did:other:${alice.identity}`, commitment };
      expect(await rejected(askTypedData(on, "name-successor", other, alice.token))).to.deep.equal([
        501,
        "did.method_not_supported",
      ]);
      const nobody = { did: alice.did, commitment: ZERO_HASH };
      expect(await rejected(askTypedData(on, "name-successor", nobody, alice.token))).to.deep.equal([
        400,
        "request.invalid",
      ]);
      const zero = { did: alice.did, newController: `0x${"0".repeat(40)}` };
      expect(await rejected(askTypedData(on, "change-controller", zero, alice.token))).to.deep.equal([
        400,
        "request.invalid",
      ]);
    });

    it("an id that nobody knows", async () => {
      const asked = on.ask("GET", `/control/operations/${ZERO_HASH}`);
      expect(await rejected(asked)).to.deep.equal([404, "control.operation_unknown"]);
    });
  });
});

import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBlindIndex } from "../../../core/keys/blindIndex";
import { createDataKeyStore, type DataKeyStore } from "../../../core/keys/dataKeys";
import { createFieldCipher, type FieldCipher, FieldUnreadableError } from "../../../core/keys/fieldCipher";
import { openFileKeyStore } from "../../../core/keys/fileKeyStore";
import type { KeyStore } from "../../../core/keys/keyStore";
import type { Mongo } from "../../../core/mongo";
import { fakeClock } from "../../support/fakeClock";
import { testMongo } from "../../support/servers";

const PLACE = { collection: "users", field: "email", id: "1b4e" };

describe("encrypted fields", () => {
  let mongo: Mongo;
  let directory: string;
  let keys: KeyStore;
  let dataKeys: DataKeyStore;
  let fields: FieldCipher;

  before(async () => {
    mongo = await testMongo("field_cipher");
    directory = mkdtempSync(join(tmpdir(), "cairn-fields-"));
    keys = await openFileKeyStore({ directory, passphrase: "correct horse" });
    dataKeys = createDataKeyStore(mongo);
    fields = createFieldCipher({ keys, dataKeys, clock: fakeClock() });
  });
  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("hold a text that only its key opens, and name that key", async () => {
    const ciphertext = await fields.encrypt(PLACE, "alice@example.org");
    expect(ciphertext).to.match(/^data-1\.[A-Za-z0-9_-]+$/);
    expect(ciphertext).to.not.include("alice");
    expect(await fields.decrypt(PLACE, ciphertext)).to.equal("alice@example.org");
    const other = createFieldCipher({ keys, dataKeys, clock: fakeClock() });
    expect(await other.decrypt(PLACE, ciphertext)).to.equal("alice@example.org");
  });

  it("encrypt one text differently each time", async () => {
    expect(await fields.encrypt(PLACE, "alice")).to.not.equal(await fields.encrypt(PLACE, "alice"));
  });

  it("refuse a ciphertext in which any bit was flipped", async () => {
    const ciphertext = await fields.encrypt(PLACE, "alice@example.org");
    const [keyId = "", sealed = ""] = ciphertext.split(".");
    const bytes = Buffer.from(sealed, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(await errorOf(fields.decrypt(PLACE, `${keyId}.${flipped.toString("base64url")}`))).to.be.instanceOf(
        FieldUnreadableError,
      );
    }
  });

  it("refuse a ciphertext that was moved to another document, field or collection", async () => {
    const ciphertext = await fields.encrypt(PLACE, "alice@example.org");
    for (const moved of [
      { ...PLACE, id: "1b4f" },
      { ...PLACE, field: "name" },
      { ...PLACE, collection: "verifications" },
    ]) {
      expect(await errorOf(fields.decrypt(moved, ciphertext))).to.be.instanceOf(FieldUnreadableError);
    }
  });

  it("refuse a ciphertext under a key that is none of theirs, and say no content in the error", async () => {
    await keys.create("HS256", "webhook-secrets");
    const [, sealed = ""] = (await fields.encrypt(PLACE, "alice@example.org")).split(".");
    for (const ciphertext of [`webhook-secrets.${sealed}`, `data-7.${sealed}`, `.${sealed}`, "alice@example.org", ""]) {
      const error = await errorOf(fields.decrypt(PLACE, ciphertext));
      expect(error).to.be.instanceOf(FieldUnreadableError);
      expect(String(error)).to.include("users.email of 1b4e").and.not.include("alice");
    }
  });

  it("have one first key, however many processes begin at once", async () => {
    const begun = await testMongo("field_cipher_begin");
    const ciphers = Array.from({ length: 16 }, () =>
      createFieldCipher({ keys, dataKeys: createDataKeyStore(begun), clock: fakeClock() }),
    );
    const ciphertexts = await Promise.all(ciphers.map((cipher) => cipher.encrypt(PLACE, "alice")));
    expect(new Set(ciphertexts.map((text) => text.split(".")[0]))).to.deep.equal(new Set(["data-1"]));
    expect(await createDataKeyStore(begun).read())
      .to.have.property("keys")
      .with.length(1);
    await begun.dropDatabase();
    await begun.close();
  });

  it("are found by an index that is equal for equal values of one purpose alone, and differs under another key", async () => {
    const index = createBlindIndex(keys);
    const found = await index("users.email", "alice@example.org");
    expect(found).to.match(/^[A-Za-z0-9_-]{43}$/);
    expect(await createBlindIndex(keys)("users.email", "alice@example.org")).to.equal(found);
    expect(await index("login", "alice@example.org")).to.not.equal(found);
    expect(await index("users.email", "bob@example.org")).to.not.equal(found);
    const elsewhere = mkdtempSync(join(tmpdir(), "cairn-fields-"));
    const others = createBlindIndex(await openFileKeyStore({ directory: elsewhere, passphrase: "correct horse" }));
    expect(await others("users.email", "alice@example.org")).to.not.equal(found);
    rmSync(elsewhere, { recursive: true, force: true });
  });
});

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

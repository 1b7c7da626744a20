import { expect } from "chai";
import { recoverAddress } from "ethers";
import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileKeyStore } from "../../../core/keys/fileKeyStore";
import { thumbprintOf } from "../../../core/keys/jws";

const DATA = Buffer.from("what is to be signed");

describe("the key store of files", () => {
  let directory: string;
  const open = (passphrase = "correct horse") => openFileKeyStore({ directory, passphrase });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "cairn-keys-"));
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  for (const algorithm of ["EdDSA", "ES256"] as const) {
    it(`signs by ${algorithm} what the public key verifies`, async () => {
      const keys = await open();
      const { keyId, publicJwk } = await keys.create(algorithm);
      const signature = await keys.sign(keyId, DATA);
      const key = createPublicKey({ key: publicJwk as never, format: "jwk" });
      const hash = algorithm === "EdDSA" ? null : "sha256";
      expect(verify(hash, DATA, { key, dsaEncoding: "ieee-p1363" }, signature)).to.equal(true);
      expect(signature).to.have.length(64);
    });
  }

  it("signs digests in an account's name", async () => {
    const keys = await open();
    const { keyId, address } = await keys.create("ethereum");
    const digest = createHash("sha256").update(DATA).digest();
    const signature = `0x${Buffer.from(await keys.sign(keyId, digest)).toString("hex")}`;
    expect(recoverAddress(digest, signature).toLowerCase()).to.equal(address);
  });

  it("finds its keys again in another process, by the same passphrase alone", async () => {
    const { keyId, publicJwk } = await (await open()).create("EdDSA");
    const signature = await (await open()).sign(keyId, DATA);
    expect(verify(null, DATA, createPublicKey({ key: publicJwk as never, format: "jwk" }), signature)).to.equal(true);
    const failure = await (
      await open("wrong horse")
    )
      .sign(keyId, DATA)
      .then(String, (error: unknown) => (error as Error).message);
    expect(failure).to.match(/^KEYSTORE_PASSPHRASE does not open the key/);
  });

  it("makes a named key once, whoever asks at the same time", async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => open()));
    const made = await Promise.all(
      Array.from({ length: 16 }, (_, caller) => stores[caller % 4]!.create("HS256", "named")),
    );
    expect(made.map(({ keyId }) => keyId)).to.deep.equal(made.map(() => "named"));
    const tags = await Promise.all(stores.map((keys) => keys.sign("named", DATA)));
    expect(new Set(tags.map((tag) => Buffer.from(tag).toString("hex"))).size).to.equal(1);
    expect(readdirSync(directory).sort()).to.deep.equal(["named.json", "salt"]);
  });

  it("leaves no secret readable: files are sealed and their owner's alone", async () => {
    const keys = await open();
    const { keyId } = await keys.create("EdDSA");
    const file = join(directory, `${keyId}.json`);
    expect(Object.keys(JSON.parse(readFileSync(file, "utf8")))).to.have.members([
      "keyId",
      "algorithm",
      "publicJwk",
      "address",
      "sealed",
    ]);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it("does not open a file of which anything was altered", async () => {
    const { keyId } = await (await open()).create("EdDSA");
    const path = join(directory, `${keyId}.json`);
    const stored = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    const other = (await (await open()).create("EdDSA")).publicJwk;
    for (const altered of [{ algorithm: "ES256" }, { publicJwk: other }, { address: "0x0" }]) {
      writeFileSync(path, JSON.stringify({ ...stored, ...altered }));
      const failure = await (await open()).sign(keyId, DATA).then(String, (error: unknown) => (error as Error).message);
      expect(failure, Object.keys(altered)[0]).to.match(/^KEYSTORE_PASSPHRASE does not open the key/);
    }
  });

  it("refuses a key it does not hold, and names that lead out of its folder", async () => {
    const keys = await open();
    for (const keyId of ["nothing", "../salt", ""]) {
      const refused = await keys.sign(keyId, DATA).then(String, (error: unknown) => (error as { code: string }).code);
      expect(refused).to.equal("key.unknown");
    }
  });
});

describe("a key's thumbprint", () => {
  it("is that of RFC 8037 appendix A.3", () => {
    const jwk = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } as const;
    expect(thumbprintOf(jwk)).to.equal("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  });
});

import { SigningKey, computeAddress, getBytes, hexlify } from "ethers";
import {
  type KeyObject,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  scrypt,
  sign as signWith,
} from "node:crypto";
import { link, mkdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { randomId, randomToken } from "../crypto";
import { KEY_BYTES, seal, unseal } from "../aead";
import { hmacSha256 } from "../hash";
import { assertNever, DomainError } from "../errors";
import type { KeyAlgorithm, KeyDescription, KeyStore, PublicJwk } from "./keyStore";

const keyFile = z.object({
  keyId: z.string(),
  algorithm: z.enum(["EdDSA", "ES256", "ethereum", "HS256"]),
  publicJwk: z
    .object({ kty: z.enum(["OKP", "EC"]), crv: z.enum(["Ed25519", "P-256"]), x: z.string(), y: z.string().optional() })
    .nullable(),
  address: z.string().nullable(),
  /** The secret, sealed with all the rest as associated data (core/aead.ts). */
  sealed: z.string(),
});
type KeyFile = z.infer<typeof keyFile>;

/** A key that was read and unsealed. */
interface OpenKey {
  description: KeyDescription;
  sign(data: Uint8Array): Uint8Array;
}

const KEY_ID = /^[A-Za-z0-9._-]{1,100}$/;
const scryptOf = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);

/**
 * Opens a key store in a folder: one file a key, readable by its owner alone, each sealed by AES-256-GCM under a key that
 * scrypt (RFC 7914) derives from the passphrase. Several processes may share the folder.
 *
 * @throws Error when the folder can be neither made nor read
 */
export async function openFileKeyStore(options: { directory: string; passphrase: string }): Promise<KeyStore> {
  const { directory } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const salt = Buffer.from(await createOnce(join(directory, "salt"), randomToken()), "utf8");
  const sealingKey = await scryptOf(options.passphrase, salt, KEY_BYTES, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 });
  const openKeys = new Map<string, Promise<OpenKey>>();

  const pathOf = (keyId: string) => join(directory, `${keyId}.json`);

  async function read(keyId: string): Promise<OpenKey> {
    const file = KEY_ID.test(keyId) ? await readIfPresent(pathOf(keyId)) : undefined;
    if (file === undefined) throw unknownKey(keyId);
    const { sealed, ...stored } = keyFile.parse(JSON.parse(file));
    const description = describe(stored);
    return { description, sign: signerOf(stored.algorithm, unsealSecret(sealingKey, sealed, description)) };
  }

  function open(keyId: string): Promise<OpenKey> {
    const known = openKeys.get(keyId);
    if (known !== undefined) return known;
    const pendingKey = read(keyId);
    openKeys.set(keyId, pendingKey);
    // A failed read is not cached: the key may be created in the meantime.
    pendingKey.catch(() => openKeys.delete(keyId));
    return pendingKey;
  }

  return {
    async create(algorithm, keyId = randomId()) {
      if (!KEY_ID.test(keyId)) throw new RangeError(`not the form of a key id: ${keyId.slice(0, 100)}`);
      const { secret, ...publicPart } = generate(algorithm);
      const description: KeyDescription = { keyId, algorithm, ...publicPart };
      const file: KeyFile = { ...description, sealed: seal(sealingKey, secret, associatedDataOf(description)) };
      await createOnce(pathOf(keyId), `${JSON.stringify(file, null, 2)}\n`);
      const { description: created } = await open(keyId);
      if (created.algorithm === algorithm) return created;
      throw new RangeError(`the key ${keyId} exists already, for ${created.algorithm}`);
    },
    describe: async (keyId) => (await open(keyId)).description,
    sign: async (keyId, data) => (await open(keyId)).sign(data),
    async destroy(keyId) {
      if (KEY_ID.test(keyId)) await rm(pathOf(keyId), { force: true });
      openKeys.delete(keyId);
    },
  };
}

/** Creates a file unless it exists. @returns what it holds, the whole text of this process or of another */
async function createOnce(path: string, text: string): Promise<string> {
  const draft = `${path}.${randomId()}`;
  await writeFile(draft, text, { mode: 0o600, flag: "wx" });
  try {
    // link() fails where the name exists, and the name appears with its whole content: no reader sees half a key.
    await link(draft, path);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return await readFile(path, "utf8");
  } finally {
    await unlink(draft);
  }
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

interface GeneratedKey {
  publicJwk: PublicJwk | null;
  address: string | null;
  /** PKCS #8 for `EdDSA` and `ES256`, 32 raw bytes otherwise. */
  secret: Buffer;
}

function generate(algorithm: KeyAlgorithm): GeneratedKey {
  switch (algorithm) {
    case "EdDSA":
      return fromPair(generateKeyPairSync("ed25519").privateKey);
    case "ES256":
      return fromPair(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    case "ethereum": {
      const jwk = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey.export({ format: "jwk" });
      const secret = Buffer.from(String(jwk.d), "base64url");
      return { publicJwk: null, address: computeAddress(hexlify(secret)).toLowerCase(), secret };
    }
    case "HS256":
      return { publicJwk: null, address: null, secret: Buffer.from(randomToken(), "base64url") };
    default:
      return assertNever(algorithm);
  }
}

function fromPair(privateKey: KeyObject): GeneratedKey {
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: "jwk" });
  const publicJwk = { kty, crv, x, ...(y !== undefined && { y }) } as PublicJwk;
  return { publicJwk, address: null, secret: privateKey.export({ format: "der", type: "pkcs8" }) };
}

function signerOf(algorithm: KeyAlgorithm, secret: Buffer): OpenKey["sign"] {
  switch (algorithm) {
    case "EdDSA":
    case "ES256": {
      const key = createPrivateKey({ key: secret, format: "der", type: "pkcs8" });
      if (algorithm === "EdDSA") return (data) => signWith(null, data, key);
      return (data) => signWith("sha256", data, { key, dsaEncoding: "ieee-p1363" });
    }
    case "ethereum": {
      const key = new SigningKey(hexlify(secret));
      return (digest) => getBytes(key.sign(digest).serialized);
    }
    case "HS256":
      return (data) => hmacSha256(secret, data);
    default:
      return assertNever(algorithm);
  }
}

function unsealSecret(sealingKey: Buffer, sealed: string, description: KeyDescription): Buffer {
  try {
    return unseal(sealingKey, sealed, associatedDataOf(description));
  } catch (error) {
    const fix = "give the passphrase it was made with, or restore the file";
    throw new Error(`KEYSTORE_PASSPHRASE does not open the key ${description.keyId}: ${fix}.`, { cause: error });
  }
}

/** Everything else in the file: what is altered there does not open. */
function associatedDataOf({ keyId, algorithm, publicJwk, address }: KeyDescription): string {
  const { kty = "", crv = "", x = "", y = "" } = publicJwk ?? {};
  return JSON.stringify([keyId, algorithm, kty, crv, x, y, address]);
}

function describe({ keyId, algorithm, publicJwk, address }: Omit<KeyFile, "sealed">): KeyDescription {
  return { keyId, algorithm, publicJwk: publicJwk as PublicJwk | null, address };
}

function unknownKey(keyId: string): DomainError {
  return new DomainError("key.unknown", "not_found", `The key store holds no key ${keyId.slice(0, 100)}.`);
}

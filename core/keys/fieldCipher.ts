import { seal, unseal, UnsealError } from "../aead";
import { type Clock, monotonicMs } from "../clock";
import { messageOf } from "../errors";
import { DATA_KEY_ID, type DataKeyStore, FIRST_DATA_KEY } from "./dataKeys";
import type { KeyStore } from "./keyStore";

/** Where an encrypted text is stored: it is decrypted there and nowhere else. */
export interface FieldPlace {
  collection: string;
  field: string;
  /** `_id` of the document. */
  id: string;
}

/** Encrypts fields of documents, so that a copy of the database shows nobody's data. */
export interface FieldCipher {
  /** @returns `<id of the data key>.<IV, ciphertext and tag as base64url>` */
  encrypt(place: FieldPlace, plaintext: string): Promise<string>;
  /** @throws FieldUnreadableError when it was altered, moved here from another place, or its key is gone */
  decrypt(place: FieldPlace, ciphertext: string): Promise<string>;
}

/** The fields of a collection's documents that are encrypted: what a rotation of keys goes through. */
export interface EncryptedFields {
  collection: string;
  /** Each is absent, null or a ciphertext of {@link FieldCipher}. */
  fields: readonly string[];
}

/** An encrypted field cannot be read. It names the place, never the content. */
export class FieldUnreadableError extends Error {
  override readonly name = "FieldUnreadableError";

  constructor({ collection, field, id }: FieldPlace, reason: string, cause?: unknown) {
    super(`${collection}.${field} of ${id} cannot be decrypted: ${reason}`, { cause });
  }
}

/**
 * How long a process goes on encrypting with the key it knows as primary before it reads again which one is. A key is
 * removed only long after, see {@link retireDataKey} of rotateDataKeys.ts.
 */
export const PRIMARY_CACHE_MS = 30_000;

/** Names what data keys are derived for; part of every ciphertext's key. */
const PURPOSE = Buffer.from("cairn field encryption");

/** Creates the cipher (AES-256-GCM, core/aead.ts) with data keys of the key store; the first one is made when needed. */
export function createFieldCipher(deps: {
  keys: Pick<KeyStore, "create" | "sign">;
  dataKeys: Pick<DataKeyStore, "read" | "begin">;
  clock: Clock;
}): FieldCipher {
  const { keys, dataKeys, clock } = deps;
  const loaded = new Map<string, Uint8Array>();
  let known: { primary: string; readAt: number } | undefined;
  let reading: Promise<string> | undefined;

  async function load(keyId: string): Promise<Uint8Array> {
    const key = await keys.sign(keyId, PURPOSE);
    loaded.set(keyId, key);
    return key;
  }

  async function readPrimary(): Promise<string> {
    const readAt = monotonicMs();
    const present = await dataKeys.read();
    if (present !== null) {
      known = { primary: present.primary, readAt };
      return present.primary;
    }
    await keys.create("HS256", FIRST_DATA_KEY);
    const { primary } = await dataKeys.begin(FIRST_DATA_KEY, clock.now());
    known = { primary, readAt };
    return primary;
  }

  function primaryKeyId(): Promise<string> {
    if (known !== undefined && monotonicMs() - known.readAt < PRIMARY_CACHE_MS) return Promise.resolve(known.primary);
    reading ??= readPrimary().finally(() => (reading = undefined));
    return reading;
  }

  return {
    async encrypt(place, plaintext) {
      const keyId = await primaryKeyId();
      const key = loaded.get(keyId) ?? (await load(keyId));
      return `${keyId}.${seal(key, plaintext, associatedDataOf(place))}`;
    },
    async decrypt(place, ciphertext) {
      const dot = ciphertext.indexOf(".");
      const keyId = ciphertext.slice(0, Math.max(dot, 0));
      if (!DATA_KEY_ID.test(keyId)) throw new FieldUnreadableError(place, "it names no data key");
      const key = loaded.get(keyId) ?? (await loadFor(place, keyId));
      try {
        return unseal(key, ciphertext.slice(dot + 1), associatedDataOf(place)).toString("utf8");
      } catch (error) {
        if (!(error instanceof UnsealError)) throw error;
        throw new FieldUnreadableError(place, error.message, error);
      }
    },
  };

  async function loadFor(place: FieldPlace, keyId: string): Promise<Uint8Array> {
    try {
      return await load(keyId);
    } catch (error) {
      throw new FieldUnreadableError(place, messageOf(error), error);
    }
  }
}

/** Encrypts a text that may be absent. */
export async function encryptOptional(
  fields: Pick<FieldCipher, "encrypt">,
  place: FieldPlace,
  plaintext: string | null,
): Promise<string | null> {
  return plaintext === null ? null : fields.encrypt(place, plaintext);
}

/** Decrypts a text that may be absent. */
export async function decryptOptional(
  fields: Pick<FieldCipher, "decrypt">,
  place: FieldPlace,
  ciphertext: string | null | undefined,
): Promise<string | null> {
  return ciphertext === null || ciphertext === undefined ? null : fields.decrypt(place, ciphertext);
}

/** The key's id needs no place here: under another key nothing opens. */
function associatedDataOf({ collection, field, id }: FieldPlace): string {
  return JSON.stringify([collection, field, id]);
}

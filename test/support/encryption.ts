import { randomBytes } from "node:crypto";
import { type BlindIndex, createBlindIndex } from "../../core/keys/blindIndex";
import { createDataKeyStore } from "../../core/keys/dataKeys";
import { createFieldCipher, type FieldCipher } from "../../core/keys/fieldCipher";
import type { KeyStore } from "../../core/keys/keyStore";
import { hmacSha256 } from "../../core/hash";
import type { Mongo } from "../../core/mongo";
import { systemClock } from "../../core/clock";

/** What stores on this database need, with keys that live as long as the test. */
export function encryptionOn(mongo: Mongo): { mongo: Mongo; fields: FieldCipher; blindIndex: BlindIndex } {
  const secret = randomBytes(32);
  const keys: Pick<KeyStore, "create" | "sign"> = {
    create: (algorithm, keyId = "") => Promise.resolve({ keyId, algorithm, publicJwk: null, address: null }),
    sign: (keyId, data) => Promise.resolve(hmacSha256(hmacSha256(secret, keyId), data)),
  };
  const fields = createFieldCipher({ keys, dataKeys: createDataKeyStore(mongo), clock: systemClock });
  return { mongo, fields, blindIndex: createBlindIndex(keys) };
}

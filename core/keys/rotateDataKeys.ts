import { addSeconds, type Clock } from "../clock";
import { DomainError } from "../errors";
import { type Mongo, rawCollection } from "../mongo";
import { type DataKeys, type DataKeyStore, nextDataKeyId } from "./dataKeys";
import { createFieldCipher, type EncryptedFields, type FieldCipher, FieldUnreadableError } from "./fieldCipher";
import type { KeyStore } from "./keyStore";

/** What commands on data keys need. */
export interface RotationDeps {
  keys: Pick<KeyStore, "create" | "sign" | "destroy">;
  dataKeys: DataKeyStore;
  mongo: Mongo;
  clock: Clock;
  /** Every collection with encrypted fields. */
  encrypted: readonly EncryptedFields[];
}

/**
 * How long after a rotation no key is removed. Processes encrypt with the former key for at most 30 s more
 * (`PRIMARY_CACHE_MS`), and by then what they encrypted is stored or has failed.
 */
export const RETIREMENT_SECONDS = 5 * 60;

/** Documents read and written in one exchange. */
const BATCH_SIZE = 200;

/** Most unreadable places that are named. */
const MAX_NAMED = 20;

type Encrypted = { _id: string } & Record<string, unknown>;

/**
 * Makes a new key and has it encrypt from now on. What other keys encrypted stays readable. Killed in between, it is
 * repeated with the same new key.
 *
 * @throws DomainError `data_key.rotated_meanwhile`
 */
export async function rotateDataKey({ keys, dataKeys, clock }: RotationDeps): Promise<{ from: string; to: string }> {
  const { primary: from } = await requireDataKeys(dataKeys);
  const to = nextDataKeyId({ primary: from });
  await keys.create("HS256", to);
  if (await dataKeys.rotate(from, to, clock.now())) return { from, to };
  throw new DomainError("data_key.rotated_meanwhile", "conflict", "Another rotation came first: list the keys.");
}

/** What re-encrypting did. */
export interface Reencryption {
  /** How many documents were written. */
  documents: number;
  /** Fields that cannot be decrypted, the first twenty; they stay as they are. */
  unreadable: string[];
}

/**
 * Encrypts with the primary key all that another key encrypted, in batches. Each document is replaced by one write on
 * condition that it still is what was read, so that it may be killed and repeated at any time, beside running
 * processes: what is done is not done again, and nothing newer is overwritten.
 *
 * @param onBatch told after each batch how many documents were written so far
 */
export async function reencryptFields(
  deps: RotationDeps,
  onBatch: (documents: number) => void | Promise<void> = () => undefined,
): Promise<Reencryption> {
  const { primary } = await requireDataKeys(deps.dataKeys);
  // A cipher of its own: that of a running process may still know the former key as primary.
  const cipher = createFieldCipher(deps);
  const report: Reencryption = { documents: 0, unreadable: [] };
  for (const place of deps.encrypted) {
    // Once more after a round that wrote: processes may have encrypted with the former key behind it.
    while ((await reencryptOnce(deps.mongo, cipher, { place, primary, report, onBatch })) > 0);
  }
  report.unreadable = [...new Set(report.unreadable)].slice(0, MAX_NAMED);
  return report;
}

async function reencryptOnce(
  mongo: Mongo,
  cipher: FieldCipher,
  round: {
    place: EncryptedFields;
    primary: string;
    report: Reencryption;
    onBatch: (documents: number) => void | Promise<void>;
  },
): Promise<number> {
  const { place, primary, report, onBatch } = round;
  const { collection, fields } = place;
  const documents = rawCollection<Encrypted>(mongo, collection);
  let written = 0;
  let last = "";
  for (;;) {
    const batch = await documents
      .find({ _id: { $gt: last }, $or: fields.flatMap((field) => underOtherKey(field, primary)) })
      .project<Encrypted>(Object.fromEntries(fields.map((field) => [field, 1])))
      .sort({ _id: 1 })
      .limit(BATCH_SIZE)
      .toArray();
    if (batch.length === 0) return written;
    last = batch.at(-1)?._id ?? last;
    const writes = await Promise.all(batch.map((read) => replacement(cipher, { place, primary, read }, report)));
    const due = writes.filter((write) => write !== null);
    if (due.length > 0) {
      const { modifiedCount } = await documents.bulkWrite(
        due.map((updateOne) => ({ updateOne })),
        { ordered: false },
      );
      written += modifiedCount;
      report.documents += modifiedCount;
    }
    await onBatch(report.documents);
  }
}

/** The conditional write that replaces a document's ciphertexts; null when none of them can be read. */
async function replacement(
  cipher: FieldCipher,
  { place, primary, read }: { place: EncryptedFields; primary: string; read: Encrypted },
  report: Reencryption,
) {
  const { collection, fields } = place;
  const before: Record<string, string> = {};
  const after: Record<string, string> = {};
  for (const field of fields) {
    const ciphertext = read[field];
    if (typeof ciphertext !== "string" || ciphertext.startsWith(`${primary}.`)) continue;
    const at = { collection, field, id: read._id };
    try {
      after[field] = await cipher.encrypt(at, await cipher.decrypt(at, ciphertext));
      before[field] = ciphertext;
    } catch (error) {
      if (!(error instanceof FieldUnreadableError)) throw error;
      report.unreadable.push(`${collection}.${field} of ${read._id}`);
    }
  }
  if (Object.keys(after).length === 0) return null;
  return { filter: { _id: read._id, ...before }, update: { $set: after } };
}

/** How many documents a key's ciphertexts are in, by collection. */
export async function countUses(
  { mongo, encrypted }: Pick<RotationDeps, "mongo" | "encrypted">,
  keyId: string,
): Promise<Record<string, number>> {
  const counts = await Promise.all(
    encrypted.map(async ({ collection, fields }) => {
      const filter = { $or: fields.map((field) => ({ [field]: range(keyId) })) };
      return [collection, await rawCollection<Encrypted>(mongo, collection).countDocuments(filter)] as const;
    }),
  );
  return Object.fromEntries(counts);
}

/**
 * Destroys a key that nothing is encrypted with any more; copies of the database from before its rotation, such as
 * backups, cannot be read then. Killed in between, it is repeated.
 *
 * @throws DomainError `data_key.unknown`, `data_key.primary`, `data_key.too_recent`, `data_key.in_use`
 */
export async function retireDataKey(deps: RotationDeps, keyId: string): Promise<void> {
  const { dataKeys, keys, clock } = deps;
  const present = await requireDataKeys(dataKeys);
  if (!present.keys.some((key) => key.keyId === keyId)) {
    throw new DomainError("data_key.unknown", "not_found", `There is no data key ${keyId.slice(0, 100)}: list them.`);
  }
  if (present.primary === keyId) {
    throw new DomainError("data_key.primary", "conflict", `${keyId} is the primary key: rotate first.`);
  }
  const retirableAt = addSeconds(present.primarySince, RETIREMENT_SECONDS);
  if (clock.now() < retirableAt) {
    const message = `Running processes may still encrypt with ${keyId}: try again after ${retirableAt.toISOString()}.`;
    throw new DomainError("data_key.too_recent", "conflict", message);
  }
  const uses = Object.entries(await countUses(deps, keyId)).filter(([, count]) => count > 0);
  if (uses.length > 0) {
    const where = uses.map(([collection, count]) => `${count} in ${collection}`).join(", ");
    throw new DomainError("data_key.in_use", "conflict", `${keyId} still decrypts ${where}: re-encrypt first.`);
  }
  // The key first: of a key that is gone but listed the command is repeated, one that is there but not listed is lost.
  await keys.destroy(keyId);
  await dataKeys.remove(keyId);
}

/** The data keys there are. @throws DomainError `data_key.none` */
export async function requireDataKeys(dataKeys: Pick<DataKeyStore, "read">): Promise<DataKeys> {
  const present = await dataKeys.read();
  if (present !== null) return present;
  throw new DomainError("data_key.none", "not_found", "Nothing is encrypted yet: the first field makes the first key.");
}

/** Ciphertexts of a key are the strings from `<id>.` to before `<id>/`, the character after the point. */
function range(keyId: string) {
  return { $gte: `${keyId}.`, $lt: `${keyId}/` };
}

function underOtherKey(field: string, keyId: string) {
  const { $gte, $lt } = range(keyId);
  return [{ [field]: { $lt: $gte } }, { [field]: { $gte: $lt } }];
}

import type { Doc } from "./bson/values";

/** Names of the MongoDB error codes this server answers with. */
const CODE_NAMES = {
  1: "InternalError",
  2: "BadValue",
  9: "FailedToParse",
  13: "Unauthorized",
  14: "TypeMismatch",
  15: "Overflow",
  16: "InvalidLength",
  17: "ProtocolError",
  20: "IllegalOperation",
  26: "NamespaceNotFound",
  27: "IndexNotFound",
  28: "PathNotViable",
  40: "ConflictingUpdateOperators",
  43: "CursorNotFound",
  48: "NamespaceExists",
  52: "DollarPrefixedFieldName",
  53: "InvalidIdField",
  54: "NotSingleValueField",
  56: "EmptyFieldName",
  59: "CommandNotFound",
  66: "ImmutableField",
  67: "CannotCreateIndex",
  72: "InvalidOptions",
  73: "InvalidNamespace",
  85: "IndexOptionsConflict",
  86: "IndexKeySpecsConflict",
  123: "NotAReplicaSet",
  171: "CannotIndexParallelArrays",
  197: "InvalidIndexSpecificationOption",
  10334: "BSONObjectTooLarge",
  11000: "DuplicateKey",
  14031: "OutOfDiskSpace",
  40414: "IDLFailedToParse",
  40415: "IDLUnknownField",
} as const satisfies Record<number, string>;

/**
 * A rejection in MongoDB's own terms: it becomes `{ ok: 0, code, codeName, errmsg, ...extra }` or an entry of
 * `writeErrors`. Codes without a name of their own (most five-digit ones) are named `Location<code>`,
 * as mongod does.
 */
export class MongoServerError extends Error {
  override readonly name = "MongoServerError";

  constructor(
    readonly code: number,
    message: string,
    readonly extra: Doc = {},
  ) {
    super(message);
  }

  get codeName(): string {
    return (CODE_NAMES as Record<number, string>)[this.code] ?? `Location${this.code}`;
  }
}

export const badValue = (message: string): MongoServerError => new MongoServerError(2, message);
export const failedToParse = (message: string): MongoServerError => new MongoServerError(9, message);
export const typeMismatch = (message: string): MongoServerError => new MongoServerError(14, message);

/**
 * For what MongoDB has and this server has not: rejected under the code that MongoDB gives to what it does not know
 * itself, never answered in part.
 */
export const notImplemented = (code: number, message: string): MongoServerError =>
  new MongoServerError(
    code,
    `${message} (Cairn's embedded MongoDB server does not implement it; set MONGODB_URI to a MongoDB server)`,
  );

/** For a field that a command, or a statement in it, does not have; `path` names both. */
export const unknownField = (path: string): MongoServerError =>
  new MongoServerError(40415, `BSON field '${path}' is an unknown field.`);

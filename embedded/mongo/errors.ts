import type { Doc } from "./bson/values";

/** Names of the MongoDB error codes this server answers with. */
const CODE_NAMES = {
  1: "InternalError",
  2: "BadValue",
  9: "FailedToParse",
  13: "Unauthorized",
  14: "TypeMismatch",
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
  115: "CommandNotSupported",
  123: "NotAReplicaSet",
  168: "InvalidPipelineOperator",
  171: "CannotIndexParallelArrays",
  197: "InvalidIndexSpecificationOption",
  238: "NotImplemented",
  241: "ConversionFailure",
  10334: "BSONObjectTooLarge",
  11000: "DuplicateKey",
} as const satisfies Record<number, string>;

/**
 * A rejection in MongoDB's own terms: it becomes `{ ok: 0, code, codeName, errmsg, ...extra }` or an entry of
 * `writeErrors`. Codes without a name of their own (aggregation's five-digit ones) are named `Location<code>`,
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

/** For what MongoDB can do and this server cannot: rejected by name, never answered in part. */
export const notSupported = (what: string): MongoServerError =>
  new MongoServerError(
    115,
    `${what} is not supported by Cairn's embedded MongoDB server; set MONGODB_URI to a real one`,
  );

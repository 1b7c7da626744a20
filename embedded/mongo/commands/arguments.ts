import { MongoServerError, badValue, typeMismatch, unknownField } from "../errors";
import { type Doc, isDoc, isNumeric, toInteger, typeName, shown } from "../bson/values";

/** A command's field as a document; absent means `{}`. Throws TypeMismatch (14) for anything else. */
export function docField(command: Doc, field: string): Doc {
  const value = command[field] ?? {};
  if (!isDoc(value))
    throw typeMismatch(`BSON field '${field}' is the wrong type '${typeName(value)}', expected type 'object'`);
  return value;
}

/** A command's field as a list of documents. Throws TypeMismatch (14), or 40414 where it is missing. */
export function docsField(command: Doc, field: string): Doc[] {
  const value = command[field];
  if (value === undefined) throw new MongoServerError(40414, `BSON field '${field}' is missing but a required field`);
  if (!Array.isArray(value) || !value.every(isDoc)) {
    throw typeMismatch(`BSON field '${field}' is the wrong type, expected an array of objects`);
  }
  return value;
}

/** A command's field as a non-negative integer; undefined when absent. Throws BadValue (2) or TypeMismatch (14). */
export function countField(command: Doc, field: string): number | undefined {
  const value = command[field];
  if (value === undefined || value === null) return undefined;
  if (!isNumeric(value))
    throw typeMismatch(`BSON field '${field}' is the wrong type '${typeName(value)}', expected a number`);
  const number = toInteger(value);
  if (number === undefined || number < 0)
    throw badValue(`BSON field '${field}' value must be >= 0, actual value '${shown(value)}'`);
  return number;
}

/** The namespace a command's first field names. Throws InvalidNamespace (73). */
export function namespaceOf(database: string, collection: unknown): string {
  if (typeof collection !== "string") {
    throw new MongoServerError(73, `collection name has invalid type ${typeName(collection)}`);
  }
  if (collection === "") throw new MongoServerError(73, `Invalid namespace specified '${database}.'`);
  return `${database}.${collection}`;
}

/** Refuses a field that a statement or an option does not have. Throws IDLUnknownField (40415), naming it under `path`. */
export function assertFields(holder: Doc, known: ReadonlySet<string>, path: string): void {
  for (const field of Object.keys(holder)) if (!known.has(field)) throw unknownField(`${path}.${field}`);
}

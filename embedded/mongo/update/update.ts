import { MongoServerError, failedToParse, notImplemented } from "../errors";
import { FIELD_OPERATORS, type FieldOperator, type UpdateContext } from "./fieldOperators";
import type { Matcher } from "../query/match";
import { type Modification, parseModifications } from "./modifications";
import { compileArrayFilters, concretePaths } from "./updatePaths";
import { type Doc, copyOf, isDoc, shown } from "../bson/values";
import { identical } from "../bson/order";

/** A compiled update: gives the changed copy of a document. */
export type Update = (document: Doc, context: UpdateContext) => Doc;

/**
 * Compiles an update: a replacement document or update operators. A pipeline is refused.
 *
 * @throws MongoServerError FailedToParse (9), ConflictingUpdateOperators (40), EmptyFieldName (56) and others for a
 * malformed update; applying the result throws TypeMismatch (14), PathNotViable (28), BadValue (2), ImmutableField (66).
 */
export function compileUpdate(
  update: unknown,
  arrayFilters: unknown,
): Update & { readonly kind: "replacement" | "operators" } {
  const filters = compileArrayFilters(Array.isArray(arrayFilters) ? arrayFilters : []);
  if (Array.isArray(update)) throw notImplemented(9, "Update argument must be an object, not a pipeline");
  if (!isDoc(update)) throw failedToParse("Update argument must be an object");
  if (!Object.keys(update)[0]?.startsWith("$")) {
    const stray = Object.keys(update).find((field) => field.startsWith("$"));
    if (stray) throw dollarPrefixed(stray, stray);
    if (filters.size > 0) throw failedToParse("arrayFilters may not be specified for replacement-style updates");
    return Object.assign(
      keepingId(() => update),
      { kind: "replacement" as const },
    );
  }
  return Object.assign(compileOperators(update, filters), { kind: "operators" as const });
}

/** An update whose result keeps the document's _id, in first place. */
function keepingId(apply: Update): Update {
  return (document, context) => {
    const { _id: before } = document;
    const { _id: after = before, ...rest } = apply(document, context);
    if (before !== undefined && !identical(before, after)) {
      throw new MongoServerError(
        66,
        `After applying the update, the (immutable) field '_id' was found to have been altered to _id: ${shown(after)}`,
      );
    }
    return after === undefined ? rest : { _id: after, ...rest };
  };
}

function compileOperators(update: Doc, filters: ReadonlyMap<string, Matcher>): Update {
  const modifications = parseModifications(update);
  assertFiltersUsed(modifications, filters, update);
  return (document, context) => {
    const changed = copyOf(document);
    for (const { operator, path, argument } of modifications) {
      if (operator === "$setOnInsert" && !context.inserting) continue;
      assertNoDollar(path, context);
      const apply = FIELD_OPERATORS[operator] as FieldOperator;
      const concrete = concretePaths(changed, path, { position: context.position, filters });
      for (const parts of concrete) apply(changed, parts, argument, context);
    }
    if (document._id !== undefined && !identical(document._id, changed._id)) {
      throw new MongoServerError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
    }
    return changed;
  };
}

/** A field whose name starts with `$` can be inserted at the top of a document, but not updated there. */
function assertNoDollar(path: string, { inserting }: UpdateContext): void {
  const [field = ""] = path.split(".");
  if (!inserting && field.startsWith("$")) throw dollarPrefixed(field, path);
}

const dollarPrefixed = (field: string, path: string): MongoServerError =>
  new MongoServerError(
    52,
    `The dollar ($) prefixed field '${field}' in '${path}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`,
  );

function assertFiltersUsed(
  modifications: readonly Modification[],
  filters: ReadonlyMap<string, Matcher>,
  update: Doc,
): void {
  for (const name of filters.keys()) {
    if (!modifications.some(({ path }) => path.includes(`$[${name}]`))) {
      throw failedToParse(
        `The array filter for identifier '${name}' was not used in the update ${JSON.stringify(update)}`,
      );
    }
  }
}

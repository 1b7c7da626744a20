import { Long } from "bson";
import { MongoServerError } from "../errors";
import { readPath, removePath, writePath } from "../update/updatePaths";
import { type Doc, copyOf, isDoc } from "../bson/values";

/** Compiles `$unwind`. */
export function unwind(argument: unknown): (documents: readonly Doc[]) => Doc[] {
  const options: Doc = typeof argument === "string" ? { path: argument } : isDoc(argument) ? argument : {};
  const { path, includeArrayIndex, preserveNullAndEmptyArrays: preserve = false } = options;
  if (typeof path !== "string" || !path.startsWith("$")) {
    throw new MongoServerError(28818, "path option to $unwind stage should be prefixed with a '$'");
  }
  const parts = path.slice(1).split(".");
  const index = typeof includeArrayIndex === "string" ? includeArrayIndex.split(".") : undefined;
  return (documents) => documents.flatMap((document) => unwound(document, parts, index, preserve === true));
}

function unwound(
  document: Doc,
  parts: readonly string[],
  index: readonly string[] | undefined,
  preserve: boolean,
): Doc[] {
  const value = readPath(document, parts);
  const withIndex = (copy: Doc, position: unknown): Doc => {
    if (index) writePath(copy, index, position);
    return copy;
  };
  if (Array.isArray(value) && value.length > 0) {
    return value.map((item, i) => {
      const copy = copyOf(document);
      writePath(copy, parts, item);
      return withIndex(copy, Long.fromNumber(i));
    });
  }
  const isNothing = value === undefined || value === null || Array.isArray(value);
  if (isNothing && !preserve) return [];
  const copy = copyOf(document);
  if (Array.isArray(value)) removePath(copy, parts);
  return [withIndex(copy, null)];
}

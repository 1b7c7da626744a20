import { type Doc, isDoc } from "../bson/values";

/** The fields of a DBRef: the only names with a dollar that are fields and not operators. */
export const DBREF_FIELDS = new Set(["$id", "$ref", "$db"]);

/** Whether a field's operand is `{ $op: ... }` rather than a value to equal. `{ $ref, $id }` is a value. */
export function isOperatorDoc(operand: unknown): operand is Doc {
  if (!isDoc(operand)) return false;
  const first = Object.keys(operand)[0];
  return first !== undefined && first.startsWith("$") && !DBREF_FIELDS.has(first);
}

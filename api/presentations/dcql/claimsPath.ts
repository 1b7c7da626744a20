import { isObject, type Json } from "../../../core/json";
import type { ClaimsPath } from "./query";

/**
 * The values that a claims path pointer selects (OpenID4VP 1.0 §7.1): a string goes to a member, null to every element,
 * an index to one. A member or element that is missing is left out; a value of the wrong kind ends it all.
 *
 * @returns none when the credential has no such claim
 */
export function selectClaims(path: ClaimsPath, root: Json): Json[] {
  let selected: Json[] = [root];
  for (const step of path) {
    const isRightKind = typeof step === "string" ? isObject : Array.isArray;
    if (!selected.every((value) => isRightKind(value))) return [];
    selected = selected.flatMap((value) => stepInto(value, step));
  }
  return selected;
}

function stepInto(value: Json, step: ClaimsPath[number]): Json[] {
  if (Array.isArray(value) && step === null) return value;
  const found = Array.isArray(value) ? value[Number(step)] : isObject(value) ? value[String(step)] : undefined;
  return found === undefined ? [] : [found];
}

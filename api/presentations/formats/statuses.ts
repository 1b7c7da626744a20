import { invalid } from "../rejection";
import { isObject, type Json, type JsonObject } from "../../../core/json";

/**
 * The statuses that a credential names: one, several or none.
 *
 * @throws PresentationRejection `status_invalid` when one is no object
 */
export function statusesOf(status: Json | undefined): JsonObject[] {
  const all = Array.isArray(status) ? status : status === undefined ? [] : [status];
  if (!all.every(isObject)) throw invalid("status_invalid", "The credential's status is malformed.");
  return all;
}

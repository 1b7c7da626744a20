import { equalsInConstantTime } from "../../core/hash";
import { DomainError } from "../../core/errors";

/**
 * Authenticates the administrator by the API key.
 *
 * @param deps.adminApiKey as configured; without one nobody is the administrator
 * @throws DomainError `api_key.unknown`
 */
export function authenticateAdmin(
  deps: { adminApiKey?: string | undefined },
  key: string,
): { accountId: string; keyId: string } {
  if (deps.adminApiKey !== undefined && equalsInConstantTime(deps.adminApiKey, key)) {
    return { accountId: "admin", keyId: "admin" };
  }
  throw new DomainError("api_key.unknown", "unauthenticated", "This is not the administrator's API key.");
}

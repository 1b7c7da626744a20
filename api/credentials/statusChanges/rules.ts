import type { RegistryWrite } from "../../../chain/registry/consents";
import type { StatusChange } from "../rules";

/**
 * The write by which a change is made.
 *
 * @param credIds at least one, all of one issuer
 */
export function writeOf(change: StatusChange, credIds: string[]): RegistryWrite {
  const [credId, ...others] = credIds;
  if (credId === undefined) throw new RangeError("a change of status names no credential");
  const isOne = others.length === 0;
  if (change === "suspend") {
    return isOne
      ? { type: "SuspendCredential", values: { credId } }
      : { type: "SuspendCredentials", values: { credIds } };
  }
  const revoked = change === "revoke";
  return isOne
    ? { type: "SetCredentialStatus", values: { credId, revoked } }
    : { type: "SetCredentialStatuses", values: { credIds, revoked } };
}

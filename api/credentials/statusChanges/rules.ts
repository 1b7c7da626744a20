import type { RegistryWrite } from "../../../chain/registry/consents";
import type { StatusChange } from "../rules";

/** The write by which a change is made; all credentials are of one issuer. */
export function writeOf(change: StatusChange, credIds: [string, ...string[]]): RegistryWrite {
  const [credId, ...others] = credIds;
  const single = others.length === 0;
  if (change === "suspend") {
    return single
      ? { type: "SuspendCredential", values: { credId } }
      : { type: "SuspendCredentials", values: { credIds } };
  }
  const revoked = change === "revoke";
  return single
    ? { type: "SetCredentialStatus", values: { credId, revoked } }
    : { type: "SetCredentialStatuses", values: { credIds, revoked } };
}

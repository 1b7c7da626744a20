import { isError } from "ethers";
import type { Chain } from "../../../chain/client";
import { TransientError } from "../../../core/errors";
import type { StatusBits, StatusChange } from "../rules";

/** A write of the DIDRegistry as the issuers' slice sends it. */
export interface StatusWrite {
  primaryType: string;
  fields: { name: string; type: string }[];
  values: Record<string, unknown>;
  encode(consent: { signer: string; nonce: bigint; deadline: number; signature: string }): string;
}

/** What this slice asks of the chain. */
export interface StatusRegistry {
  /** Both bits of credentials now, in their order. @throws TransientError `rpc.unreachable`, `rpc.failed` */
  read(credIds: string[]): Promise<StatusBits[]>;
  /** @throws TransientError `rpc.unreachable`, `rpc.failed` */
  isAccredited(issuer: string): Promise<boolean>;
  /** The write by which a change is made; all credentials are of one issuer. */
  writeOf(change: StatusChange, credIds: [string, ...string[]]): StatusWrite;
}

/** Asks the chain's registries. */
export function openStatusRegistry({
  didRegistry,
  issuerRegistry,
}: Pick<Chain, "didRegistry" | "issuerRegistry">): StatusRegistry {
  const abi = didRegistry.interface;
  return {
    read: (credIds) =>
      answered(
        Promise.all(
          credIds.map(async (credId) => {
            const { revoked, suspended } = await didRegistry.credentialStatus(credId);
            return { revoked, suspended };
          }),
        ),
      ),
    isAccredited: (issuer) => answered(issuerRegistry.isAccredited(issuer)),
    writeOf(change, credIds) {
      const [credId, ...others] = credIds;
      const single = others.length === 0;
      if (change === "suspend") {
        return single
          ? {
              primaryType: "SuspendCredential",
              fields: [CRED_ID],
              values: { credId },
              encode: (consent) => abi.encodeFunctionData("suspendCredentialFor", [credId, consent]),
            }
          : {
              primaryType: "SuspendCredentials",
              fields: [CRED_IDS],
              values: { credIds },
              encode: (consent) => abi.encodeFunctionData("suspendCredentialsFor", [credIds, consent]),
            };
      }
      const revoked = change === "revoke";
      return single
        ? {
            primaryType: "SetCredentialStatus",
            fields: [CRED_ID, REVOKED],
            values: { credId, revoked },
            encode: (consent) => abi.encodeFunctionData("setCredentialStatusFor", [credId, revoked, consent]),
          }
        : {
            primaryType: "SetCredentialStatuses",
            fields: [CRED_IDS, REVOKED],
            values: { credIds, revoked },
            encode: (consent) => abi.encodeFunctionData("setCredentialStatusesFor", [credIds, revoked, consent]),
          };
    },
  };
}

const CRED_ID = { name: "credId", type: "bytes32" };
const CRED_IDS = { name: "credIds", type: "bytes32[]" };
const REVOKED = { name: "revoked", type: "bool" };

async function answered<T>(question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (cause) {
    if (cause instanceof TransientError) throw cause;
    const reason = isError(cause, "CALL_EXCEPTION")
      ? "It refused a question it should answer."
      : "It did not answer as it should.";
    throw new TransientError("rpc.failed", `The chain cannot be asked. ${reason}`, { cause });
  }
}

import type { Chain } from "../client";
import { answered } from "./answered";
import { valueOrNull } from "./answerWords";

/** What the DIDRegistry says of an identity now. */
export interface IdentityOnChain {
  /** Whether a document's URI was published. */
  registered: boolean;
  active: boolean;
  /** Who may change it, `0x` and 40 lower-case hexadecimal digits. */
  controller: string;
  /** The commitment to its successor, `0x` and 64 hexadecimal digits; null when none is named. */
  successor: string | null;
  /** The version at which control last changed: the grant of the controller's nonces. */
  controlVersion: number;
  /** The nonce that the controller's next consent must carry. */
  nonce: bigint;
  /** SHA-256 of the hosted DID document, `0x` and 64 hexadecimal digits; zero when none was given. */
  documentHash: string;
}

/**
 * Reads an identity (`resolveDID`); one that was never written controls itself.
 *
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export async function readIdentity(chain: Pick<Chain, "didRegistry">, address: string): Promise<IdentityOnChain> {
  const record = await answered(chain.didRegistry.resolveDID(address));
  return {
    registered: record.registered,
    active: record.active,
    controller: record.controller.toLowerCase(),
    successor: valueOrNull(record.successor),
    controlVersion: Number(record.controlVersion),
    nonce: record.nonce,
    documentHash: record.documentHash,
  };
}

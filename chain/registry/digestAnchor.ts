import type { Chain } from "../client";
import type { Call } from "../relayer/transaction";
import { didRegistryInterface } from "./abi";

/** The call by which an account anchors a digest in its own name. */
export function anchorDigestCall(
  { deployment }: Pick<Chain, "deployment">,
  { identity, digest }: { identity: string; digest: string },
): Call {
  const data = didRegistryInterface.encodeFunctionData("anchorDigest", [identity, digest]);
  return { to: deployment.contracts.DIDRegistry.address, data };
}

/** What a log says of an anchored digest. */
export interface AnchoredDigest {
  identity: string;
  digest: string;
  /** How many digests the identity had anchored by then, this one included. */
  sequence: number;
}

/**
 * Reads a log of the DIDRegistry.
 *
 * @returns null when it is no `DigestAnchored`
 */
export function readAnchoredDigest(log: { topics: string[]; data: string }): AnchoredDigest | null {
  const parsed = didRegistryInterface.parseLog(log);
  if (parsed?.name !== "DigestAnchored") return null;
  const { identity, digest, anchorSequence } = parsed.args as unknown as {
    identity: string;
    digest: string;
    anchorSequence: bigint;
  };
  return { identity: identity.toLowerCase(), digest, sequence: Number(anchorSequence) };
}

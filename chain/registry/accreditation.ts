import type { Chain } from "../client";
import type { Call } from "../relayer/transaction";
import { issuerRegistryInterface } from "./abi";
import { answered } from "./answered";

/** What the IssuerRegistry says of an issuer now. */
export interface AccreditationOnChain {
  accredited: boolean;
  /** How often the issuer was accredited or discredited; 0 when never. */
  version: number;
}

/**
 * Whether an issuer is accredited.
 *
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export function isAccredited(chain: Pick<Chain, "issuerRegistry">, issuer: string): Promise<boolean> {
  return answered(chain.issuerRegistry.isAccredited(issuer));
}

/**
 * Reads an issuer's accreditation (`issuerOf`).
 *
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export async function readAccreditation(
  chain: Pick<Chain, "issuerRegistry">,
  issuer: string,
): Promise<AccreditationOnChain> {
  const { accredited, version } = await answered(chain.issuerRegistry.issuerOf(issuer));
  return { accredited, version: Number(version) };
}

/**
 * The account that accredits issuers, with its checksum (EIP-55).
 *
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export function readRegistryOwner(chain: Pick<Chain, "issuerRegistry">): Promise<string> {
  return answered(chain.issuerRegistry.owner());
}

/** The call by which the owner accredits an issuer. */
export function accreditCall({ deployment }: Pick<Chain, "deployment">, issuer: string, metadataUri: string): Call {
  const data = issuerRegistryInterface.encodeFunctionData("accredit", [issuer, metadataUri]);
  return { to: deployment.contracts.IssuerRegistry.address, data };
}

import {
  accreditCall,
  isAccredited,
  readAccreditation,
  readRegistryOwner,
} from "../../../chain/registry/accreditation";
import type { RegistryWrite } from "../../../chain/registry/consents";
import { readIdentity } from "../../../chain/registry/identity";
import type { Beneficiary } from "../../../chain/relayer/policy";
import type { Relayer } from "../../../chain/relayer/relayer";
import type { Context } from "../../../process/context";
import { issuerUnknown } from "../rules";
import type { IssuerAccount, IssuerStore } from "../store";
import { type IssuerSignerDeps, sendAsIssuer } from "../signer";

/** The relayer's name for what issuers' anchoring sends. */
export const ISSUER_ANCHORING = "issuer-anchoring";

export interface AnchorIssuerDeps extends IssuerSignerDeps, Pick<Context, "config"> {
  issuers: Pick<IssuerStore, "find" | "recordOnChainState">;
  relayer: Pick<Relayer, "address" | "submit" | "find">;
}

/**
 * One step towards a chain that says of an issuer what its account says: registered, the present DID document's digest,
 * accredited. Safe to run at any time and any number of times; the relayer's handler asks for the next step.
 *
 * @throws DomainError `issuer.unknown`, `issuer.write_refused`
 * @throws TransientError while another transaction is pending or the chain does not answer
 */
export async function anchorIssuer(deps: AnchorIssuerDeps, address: string): Promise<void> {
  const { account, registered, accredited, documentHash } = await refreshFromChain(deps, address);
  const latest = account.documents.at(-1);
  if (latest === undefined) throw new RangeError(`the issuer ${address} has no document`);

  if (!registered || documentHash !== latest.hash) {
    const documentUri = documentUriOf(deps.config.http.publicUrl, address, latest.hash);
    const write = documentWrite(account, { registered, documentUri, documentHash: latest.hash });
    const name = `${registered ? "document" : "register"}/${address}/${latest.hash}`;
    await sendAsIssuer(deps, { kind: ISSUER_ANCHORING, issuer: address, name, write });
  } else if (!accredited) {
    await accredit(deps, account);
  }
}

/**
 * Records in an issuer's account what the chain says of it. The account follows the chain, never the other way round:
 * verifiers go by what the chain names.
 *
 * @throws DomainError `issuer.unknown`
 */
export async function refreshFromChain(
  { issuers, chain }: Pick<AnchorIssuerDeps, "issuers" | "chain">,
  address: string,
): Promise<{ account: IssuerAccount; registered: boolean; accredited: boolean; documentHash: string }> {
  const account = await issuers.find(address);
  if (account === null) throw issuerUnknown();
  const [{ registered, documentHash }, accredited] = await Promise.all([
    readIdentity(chain, address),
    isAccredited(chain, address),
  ]);
  const done = accredited && registered && documentHash === account.documents.at(-1)?.hash;
  await issuers.recordOnChainState(address, {
    anchoredHash: registered ? documentHash : null,
    accredited,
    ...(done && { anchoringError: null }),
  });
  return { account, registered, accredited, documentHash };
}

/** Where a version of an issuer's DID document is served: its digest is its name. */
export function documentUriOf(publicUrl: string, address: string, hash: string): string {
  return `${publicUrl}/issuers/${address}/documents/${hash}`;
}

function documentWrite(
  { address: identity, did }: IssuerAccount,
  { registered, documentUri, documentHash }: { registered: boolean; documentUri: string; documentHash: string },
): RegistryWrite {
  if (registered) return { type: "UpdateDocument", values: { identity, documentUri, documentHash } };
  return { type: "RegisterDID", values: { did, documentUri, documentHash } };
}

/** Accreditation is the registry owner's to give: here it is given only where the relayer is that owner. */
async function accredit({ issuers, chain, relayer }: AnchorIssuerDeps, account: IssuerAccount): Promise<void> {
  const { address, metadataUri } = account;
  const [owner, { version }] = await Promise.all([readRegistryOwner(chain), readAccreditation(chain, address)]);
  if (owner.toLowerCase() !== relayer.address.toLowerCase()) {
    const how = `npm run issuer -- accredit ${address}`;
    const anchoringError = `The owner of the issuer registry, ${owner}, has to accredit it: ${how}`;
    await issuers.recordOnChainState(address, { anchoringError });
    return;
  }
  // An issuer that was discredited on purpose must not be accredited again by a job.
  if (version > 0) {
    await issuers.recordOnChainState(address, { anchoringError: "The issuer was discredited on the chain." });
    return;
  }
  const call = accreditCall(chain, address, metadataUri);
  const key = `accredit/${address}/${call.to}`;
  const beneficiaries: Beneficiary[] = [{ kind: "issuer", id: address }];
  await relayer.submit({ kind: ISSUER_ANCHORING, subject: `accreditation/${address}`, key, call, beneficiaries });
}

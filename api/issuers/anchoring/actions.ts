import { isError } from "ethers";
import type { Chain } from "../../../chain/client";
import { TransientError } from "../../../core/errors";
import type { RelayHandler } from "../../../chain/relayer/handlers";
import type { Relayer } from "../../../chain/relayer/relayer";
import { issuerUnknown } from "../rules";
import type { IssuerAccount, IssuerStore } from "../store";
import type { IssuerVoice, RegistryWrite } from "../signer";

/** The relayer's name for what issuers' anchoring sends. */
export const ISSUER_ANCHORING = "issuer-anchoring";

/** What anchoring needs from around it. */
export interface AnchorIssuerParts {
  store: IssuerStore;
  chain: Pick<Chain, "didRegistry" | "issuerRegistry">;
  voice: IssuerVoice;
  relayer: Pick<Relayer, "address" | "submit" | "find">;
  /** Origin under which people reach the API, without a trailing slash. */
  publicUrl: string;
}

/**
 * One step towards a chain that says of an issuer what its account says: registered, the present DID document's digest,
 * accredited. Safe to run at any time and any number of times; the relayer's handler asks for the next step.
 *
 * @throws DomainError `issuer.unknown`, `issuer.write_refused`
 * @throws TransientError while another transaction is under way or the chain does not answer
 */
export async function anchorIssuer(parts: AnchorIssuerParts, address: string): Promise<void> {
  const { chain, voice } = parts;
  const { account, registered, accredited, documentHash } = await lookAtChain(parts, address);
  const latest = account.documents.at(-1);
  if (latest === undefined) throw new RangeError(`the issuer ${address} has no document`);

  if (!registered || documentHash !== latest.hash) {
    const documentUri = documentUriOf(parts.publicUrl, address, latest.hash);
    const write = documentWrite(chain, account, { registered, documentUri, documentHash: latest.hash });
    const name = `${registered ? "document" : "register"}/${address}/${latest.hash}`;
    await voice.send({ kind: ISSUER_ANCHORING, address, controllerKeyId: account.controllerKeyId, name, write });
  } else if (!accredited) {
    await accredit(parts, account);
  }
}

/**
 * Notes in an issuer's account what the chain says of it. The account follows the chain, never the other way round: what
 * the chain names is what verifiers believe.
 *
 * @throws DomainError `issuer.unknown`
 */
export async function lookAtChain({ store, chain }: Pick<AnchorIssuerParts, "store" | "chain">, address: string) {
  const account = await store.find(address);
  if (account === null) throw issuerUnknown();
  const [record, accredited] = await Promise.all([
    chain.didRegistry.resolveDID(address),
    chain.issuerRegistry.isAccredited(address),
  ]).catch(unanswered);
  const registered = record.version > 0n;
  const { documentHash } = record;
  const done = accredited && registered && documentHash === account.documents.at(-1)?.hash;
  await store.note(address, {
    anchoredHash: registered ? documentHash : null,
    accredited,
    ...(done && { fault: null }),
  });
  return { account, registered, accredited, documentHash };
}

/** Where a version of an issuer's DID document is served: its digest is its name. */
export function documentUriOf(publicUrl: string, address: string, hash: string): string {
  return `${publicUrl}/issuers/${address}/documents/${hash}`;
}

/** Goes on with the next step as soon as one is mined, and tells what holds it up. */
export function issuerAnchoringHandler(parts: {
  store: Pick<IssuerStore, "note">;
  requestAnchoring(address: string): Promise<void>;
}): RelayHandler {
  return {
    onBroadcast: () => Promise.resolve(),
    onRetryableError: ({ subject }, trouble) => parts.store.note(addressOf(subject), { fault: trouble.message }),
    onOutcome: ({ subject }) => parts.requestAnchoring(addressOf(subject)),
  };
}

function documentWrite(
  { didRegistry }: Pick<Chain, "didRegistry">,
  { address, did }: IssuerAccount,
  { registered, documentUri, documentHash }: { registered: boolean; documentUri: string; documentHash: string },
): RegistryWrite {
  const identity = { name: "identity", type: "address" };
  const location = [
    { name: "documentUri", type: "string" },
    { name: "documentHash", type: "bytes32" },
  ];
  if (registered) {
    return {
      primaryType: "UpdateDocument",
      fields: [identity, ...location],
      values: { identity: address, documentUri, documentHash },
      encode: (consent) =>
        didRegistry.interface.encodeFunctionData("updateDocumentFor", [address, documentUri, documentHash, consent]),
    };
  }
  return {
    primaryType: "RegisterDID",
    fields: [identity, { name: "did", type: "string" }, ...location],
    values: { identity: address, did, documentUri, documentHash },
    encode: (consent) =>
      didRegistry.interface.encodeFunctionData("registerDIDFor", [did, documentUri, documentHash, consent]),
  };
}

/** Accreditation is the registry owner's to give: here it is given only where the relayer is that owner. */
async function accredit({ store, chain, relayer }: AnchorIssuerParts, account: IssuerAccount): Promise<void> {
  const { address, metadataUri } = account;
  const [owner, { version }] = await Promise.all([
    chain.issuerRegistry.owner(),
    chain.issuerRegistry.issuerOf(address),
  ]).catch(unanswered);
  if (owner.toLowerCase() !== relayer.address.toLowerCase()) {
    const how = `npm run issuer -- accredit ${address}`;
    await store.note(address, { fault: `The owner of the issuer registry, ${owner}, has to accredit it: ${how}` });
    return;
  }
  // An issuer that was discredited on purpose must not be accredited again by a job.
  if (version > 0n) {
    await store.note(address, { fault: "The issuer was discredited on the chain." });
    return;
  }
  const data = chain.issuerRegistry.interface.encodeFunctionData("accredit", [address, metadataUri]);
  const to = await chain.issuerRegistry.getAddress();
  const key = `accredit/${address}/${to}`;
  await relayer.submit({ kind: ISSUER_ANCHORING, subject: `accreditation/${address}`, key, call: { to, data } });
}

function addressOf(subject: string): string {
  return subject.slice(subject.indexOf("/") + 1);
}

function unanswered(cause: unknown): never {
  if (cause instanceof TransientError || isError(cause, "CALL_EXCEPTION")) throw cause;
  throw new TransientError("rpc.failed", "The chain did not answer as it should.", { cause });
}

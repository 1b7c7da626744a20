import { affects, eventsAffecting } from "../../chain/registry/events";
import type { Chain } from "../../chain/client";
import type { Clock } from "../../core/clock";
import { buildDidDocument, type DidDocument, type PublishedKey } from "../../chain/did/document";
import { parseRegistryDid } from "../../chain/did/did";
import { DomainError } from "../../core/errors";
import { type DidState, implicitDid } from "../../chain/registry/fold";
import type { Indexed, Projection } from "../../projection/queries";
import { parseOptions, ResolutionError, type VersionedState, versionOf } from "./rules";

export interface DidDeps {
  projection: Pick<Projection, "findDid" | "eventsOf">;
  chain: Pick<Chain, "chainId" | "deployment">;
  clock: Clock;
  config: { http: { publicUrl: string } };
  /**
   * The signing keys of an identity's document of this digest; none where no document of this digest was registered
   * here. Nothing is fetched from elsewhere: a resolver that does can be made to call where its caller cannot.
   */
  assertionKeys(address: string, documentHash: string): Promise<PublishedKey[]>;
}

/** A DID resolution result (DID Resolution §7) before it takes a representation. */
export interface Resolution {
  status: number;
  didDocument: DidDocument | null;
  didResolutionMetadata: Record<string, unknown>;
  didDocumentMetadata: Record<string, unknown>;
}

/**
 * Resolves a DID of this registry from the index (DID Resolution §4.4): every address is an identity, and one that the
 * chain knows no change of has the default document. What the standard has an error for is not thrown: the result holds
 * it.
 *
 * @param query the resolution options as they came
 */
export async function resolveDid(deps: DidDeps, did: string, query: Record<string, unknown>): Promise<Resolution> {
  try {
    return await resolveOrThrow(deps, did, query);
  } catch (error) {
    const named = asResolutionError(error);
    if (named === undefined) throw error;
    return failedResolution(named);
  }
}

/** The result that says why there is none. */
export function failedResolution(error: ResolutionError, index?: Record<string, unknown>): Resolution {
  const type = `https://www.w3.org/ns/did#${error.error}`;
  const problem = { type, title: titleOf(error.error), detail: error.message };
  const didResolutionMetadata = { error: problem, ...(index && { index }) };
  return { status: error.status, didDocument: null, didResolutionMetadata, didDocumentMetadata: {} };
}

/** Events that may change the document; those of credentials' statuses, which issuers have by the million, do not. */
const VERSION_EVENTS = eventsAffecting("dids").filter((name) => !affects({ name }, "words"));

async function resolveOrThrow(deps: DidDeps, did: string, query: Record<string, unknown>): Promise<Resolution> {
  const { address } = parseRegistryDid(did, deps.chain.deployment.didMethod);
  const options = parseOptions(query);
  const indexed = await deps.projection.findDid(address);
  const metadata = indexMetadata(indexed);
  if (indexed.freshness === null) {
    return failedResolution(
      new ResolutionError("INTERNAL_ERROR", "The index holds nothing yet. Try again in a moment."),
    );
  }
  if (indexed.unverifiedReason !== null) {
    // Rather no document than one that may lack a change of keys.
    const message = `The index is not sure to know every change of this DID (${indexed.unverifiedReason}). Try again later, or ask the chain.`;
    return failedResolution(new ResolutionError("INTERNAL_ERROR", message), metadata);
  }
  const latest = Object.keys(options).length === 0;
  const found = latest
    ? { state: indexed.state ?? implicitDid(address) }
    : versionOf(address, await deps.projection.eventsOf(address, { names: VERSION_EVENTS }), options);
  if (found === undefined) {
    return failedResolution(new ResolutionError("NOT_FOUND", "This DID has no such version."), metadata);
  }
  return succeed(deps, address, found, { index: metadata, time: options.time });
}

async function succeed(
  deps: DidDeps,
  address: string,
  { state, next }: VersionedState,
  { index, time }: { index: Record<string, unknown>; time: Date | undefined },
): Promise<Resolution> {
  const { documentHash } = state;
  const keys = documentHash === null ? [] : await deps.assertionKeys(address, documentHash);
  const didDocumentMetadata = {
    ...(state.created && { created: moment(state.created.minedAt) }),
    ...(state.updated && state.version > 1 && { updated: moment(state.updated.minedAt) }),
    versionId: state.version.toString(),
    ...(next && { nextUpdate: moment(next.at), nextVersionId: next.version.toString() }),
    deactivated: !state.active,
    registered: state.registration !== null,
    ...(documentHash !== null && {
      documentSha256: documentHash,
      // Whether the document of this digest was at hand, so that its signing keys are among the verification methods.
      documentKeys: keys.length > 0 ? "merged" : "unavailable",
    }),
    ...(state.updated && { transactionHash: state.updated.transactionHash, blockNumber: state.updated.blockNumber }),
  };
  // DID Resolution §4.4 and §12.1: a deactivated DID has no document, and HTTP says 410.
  if (!state.active) return { status: 410, didDocument: null, didResolutionMetadata: { index }, didDocumentMetadata };
  const subject = {
    method: deps.chain.deployment.didMethod,
    chainId: deps.chain.chainId,
    address,
    controller: state.controller,
    documentUri: state.documentUri,
    delegations: state.delegates,
    keys,
  };
  // A past version is shown as of its own last moment: delegations it had then had not ended by now's clock alone.
  const asOf = time ?? next?.at ?? deps.clock.now();
  return {
    status: 200,
    didDocument: buildDidDocument(subject, asOf),
    didResolutionMetadata: { index },
    didDocumentMetadata,
  };
}

/** How far the answer can be trusted to be the chain's: as of which block, and how deep under it the last change lies. */
function indexMetadata({ freshness, confirmations, finalized }: Indexed<DidState>): Record<string, unknown> {
  if (freshness === null) return {};
  const { blockNumber, blockHash, minedAt, headNumber } = freshness;
  const asOf = { blockNumber, blockHash, blockTime: moment(minedAt), headBlockNumber: headNumber };
  return { ...asOf, ...(confirmations !== null && { confirmations, finalized }) };
}

function asResolutionError(error: unknown): ResolutionError | undefined {
  if (error instanceof ResolutionError) return error;
  if (!(error instanceof DomainError)) return undefined;
  const isMalformed = error.code === "did.invalid" || error.code === "did.checksum_mismatch";
  if (isMalformed) return new ResolutionError("INVALID_DID", error.message);
  if (error.code === "did.method_not_supported") return new ResolutionError("METHOD_NOT_SUPPORTED", error.message);
  return undefined;
}

function titleOf(name: string): string {
  const words = name
    .toLowerCase()
    .replaceAll("_", " ")
    .replace(/\bdid\b/g, "DID");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** DID Resolution §3.3: UTC without fractions of a second. */
function moment(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, "Z");
}

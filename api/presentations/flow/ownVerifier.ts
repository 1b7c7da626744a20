import { DomainError } from "../../../core/errors";
import { equalsInConstantTime, sha256Hex } from "../../../core/hash";
import type { Context } from "../../../process/context";
import { createRequest, type CreateRequestDeps } from "../requests/actions";
import { translateDefinition } from "../requests/presentationDefinition";
import type { RequestSigner } from "../requests/requestSigner";
import { type PresentationRequest, type PresentedCredential, statusAt } from "../rules";
import type { PresentationStore } from "../store";
import { type FlowVerifier, type RequestHandle, VerifierCallError, type WalletRequestOrder } from "./verifier";

export interface OwnVerifierDeps extends Omit<CreateRequestDeps, "signer" | "presentations">, Pick<Context, "clock"> {
  presentations: Pick<PresentationStore, "insert" | "find" | "markTaken">;
  signer(): Promise<RequestSigner>;
  /** Cairn's. */
  version: string;
}

/** The flow's verifier that is this process itself. */
export function createOwnVerifier(deps: OwnVerifierDeps): FlowVerifier {
  return {
    name: "cairn",
    async acceptAsked({ query, presentationDefinition }) {
      await deps.signer();
      return { query: query ?? translateDefinition(presentationDefinition), presentationDefinition: null };
    },
    createRequest: (order) => createWalletRequest(deps, order),
    readStatus: async (handle) => statusAt(await requireRequest(deps, handle), deps.clock.now()),
    async readVerdict(handle) {
      const { verdict, credentials } = await requireRequest(deps, handle);
      if (verdict === null) throw new VerifierCallError("FLOW_FAILURE", "The request has no verdict yet.");
      return {
        isValid: verdict.result === "valid",
        reason: verdict.reason,
        issuer: credentials?.[0]?.issuer ?? null,
        validationTimestamp: verdict.decidedAt,
        verifierLibraryVersion: `cairn ${deps.version}`,
      };
    },
    async readPresented({ requestId }) {
      const { verdict, credentials } = (await deps.presentations.find(requestId)) ?? { verdict: null };
      if (verdict?.result === "invalid") return { vcResults: [], credentials: [] };
      return credentials ? { vcResults: credentials.map(succeeded), credentials } : null;
    },
    async acceptsCode({ requestId }, code) {
      const request = await deps.presentations.find(requestId);
      const expected = request?.responseCodeHash ?? null;
      return code !== undefined && expected !== null && equalsInConstantTime(sha256Hex(code), expected);
    },
    async release({ requestId }) {
      await deps.presentations.markTaken(requestId, deps.clock.now());
    },
  };
}

async function createWalletRequest(deps: OwnVerifierDeps, order: WalletRequestOrder) {
  const { query } = order.asked;
  if (query === null) throw new VerifierCallError("FLOW_FAILURE", "There is no DCQL query to ask.");
  try {
    const { request, walletUrl } = await createRequest(
      { ...deps, signer: await deps.signer() },
      {
        // No verifier's id: the request belongs to the flow, and is neither announced to an API key nor read with one.
        verifierId: `flow of ${order.verifierId}`,
        query,
        flow: order.callbackUrl === null ? "cross_device" : "same_device",
        responseMode: "direct_post.jwt",
        redirectUri: order.callbackUrl,
        nonce: undefined,
        browserHash: order.browserHash,
        lifetimeSeconds: Math.min(deps.config.presentations.requestSeconds, order.lifetimeSeconds),
      },
    );
    const { requestId, flow } = request;
    return { requestId, flow, walletUrl, verifierTransactionId: null };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new VerifierCallError("FLOW_FAILURE", `This installation's verifier refused: ${error.message}`, {
      cause: error,
    });
  }
}

async function requireRequest(
  { presentations }: Pick<OwnVerifierDeps, "presentations">,
  { requestId }: RequestHandle,
): Promise<PresentationRequest> {
  const found = await presentations.find(requestId);
  if (found === null) throw new VerifierCallError("FLOW_FAILURE", "The verifier does not know the request.");
  return found;
}

function succeeded({ credential }: PresentedCredential) {
  return { vc: credential, verificationStatus: "SUCCESS" as const };
}

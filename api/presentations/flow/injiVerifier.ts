import type { Clock } from "../../../core/clock";
import type { Config } from "../../../core/config/config";
import { randomToken } from "../../../core/crypto";
import { DomainError, TransientError } from "../../../core/errors";
import { walletErrorOf } from "../responses/walletError";
import {
  type AuthorizationDetails,
  createdAnswer,
  readAnswer,
  resultAnswer,
  type ResultAnswer,
  statusAnswer,
} from "./injiAnswers";
import { callInji, InjiAnswerError, type InjiCallDeps, unreadable } from "./injiCalls";
import {
  type CallContext,
  type FlowVerdict,
  type FlowVerifier,
  type RequestHandle,
  VerifierCallError,
  type WalletRequestOrder,
} from "./verifier";

export interface InjiVerifierDeps extends InjiCallDeps {
  clock: Clock;
  config: { presentations: Pick<Config["presentations"], "walletScheme"> };
}

/** The flow's verifier that is an Inji Verify elsewhere, by its base URL. */
export function createInjiVerifier(deps: InjiVerifierDeps): FlowVerifier {
  return {
    name: "inji",
    acceptAsked(asked) {
      if (asked.presentationDefinition !== null) return Promise.resolve(asked);
      const message =
        "This installation's verifier is an Inji Verify: give presentationDefinition instead of a DCQL query.";
      return Promise.reject(new DomainError("presentation.query_not_supported", "invalid", message));
    },
    createRequest: (order, call) => createRequest(deps, order, call),
    async readStatus({ requestId }, call) {
      const path = `/vp-request/${encodeURIComponent(requestId)}/status`;
      const endpoint = "/vp-request/{requestId}/status";
      const read = (json: unknown) => readAnswer(statusAnswer, json);
      return (await callInji(deps, { method: "GET", path, endpoint, isRepeated: false }, read, call)).status;
    },
    readVerdict: (request, call) => readVerdict(deps, request, call),
    async readPresented(request, call) {
      try {
        const { vcResults } = await readResult(deps, request, call);
        return {
          vcResults: vcResults.map(({ vc, verificationStatus }) => ({ vc, verificationStatus })),
          credentials: [],
        };
      } catch (error) {
        if (!(error instanceof VerifierCallError)) throw error;
        // A wallet that declined presented nothing, and the verdict is known.
        if (walletErrorIn(error) !== null) return { vcResults: [], credentials: [] };
        throw new TransientError("verifier.unreachable", "The verifier elsewhere cannot be asked.", { cause: error });
      }
    },
    // It gives none that a server could read: the browser is known by its state and its cookie.
    acceptsCode: () => Promise.resolve(null),
    release: () => Promise.resolve(),
  };
}

async function createRequest(deps: InjiVerifierDeps, order: WalletRequestOrder, call: CallContext) {
  const { inji } = deps;
  const nonce = randomToken();
  const { presentationDefinition } = order.asked;
  const body = { clientId: inji.clientId, nonce, presentationDefinition };
  const endpoint = "/vp-request";
  const walletRequest = (json: unknown) => {
    const created = readAnswer(createdAnswer, json);
    const details = created.authorizationDetails ?? null;
    // Another nonce is another request's: a presentation made for that one must not count here.
    if (details !== null && details.nonce !== nonce) {
      throw new VerifierCallError("SECURITY_FAILURE", "The verifier answered with another nonce.");
    }
    const flow = order.callbackUrl === null ? ("cross_device" as const) : ("same_device" as const);
    const parameters =
      details === null
        ? { client_id: inji.clientId, request_uri: absolute(inji.baseUrl, created.requestUri ?? "") }
        : requestParameters(deps, { details, state: created.requestId, presentationDefinition });
    const walletUrl = linkOf(deps, parameters, order.callbackUrl);
    const { requestId, transactionId: verifierTransactionId } = created;
    return { requestId, flow, walletUrl, verifierTransactionId };
  };
  const posted = { method: "POST", path: endpoint, endpoint, body, isRepeated: true } as const;
  return callInji(deps, posted, walletRequest, call);
}

/** The request by value, as Inji Verify's own page builds it (OpenID4VP draft 21 §5). */
function requestParameters(
  { inji }: InjiVerifierDeps,
  input: {
    details: AuthorizationDetails;
    state: string;
    presentationDefinition: Record<string, unknown> | null;
  },
): Record<string, string> {
  const { details, state } = input;
  const { presentationDefinitionUri: uri } = details;
  const definition = details.presentationDefinition ?? input.presentationDefinition;
  return {
    client_id: details.clientId,
    response_type: details.responseType,
    response_mode: details.responseMode ?? "direct_post",
    response_uri: absolute(inji.baseUrl, details.responseUri),
    nonce: details.nonce,
    state,
    ...(typeof uri === "string"
      ? { presentation_definition_uri: absolute(inji.baseUrl, uri) }
      : { presentation_definition: JSON.stringify(definition) }),
  };
}

/** What opens the wallet: on this device the Inji Web page, where there is one, told where to send the browser. */
function linkOf(
  { inji, config }: InjiVerifierDeps,
  parameters: Record<string, string>,
  callbackUrl: string | null,
): string {
  const query = new URLSearchParams(parameters);
  if (callbackUrl !== null) query.set("redirect_uri", callbackUrl);
  const page = callbackUrl === null ? null : inji.walletUrl;
  if (page === null) return `${config.presentations.walletScheme}://authorize?${query.toString()}`;
  return `${page}${page.includes("?") ? "&" : "?"}${query.toString()}`;
}

/** Inji Verify gives addresses whole, or from its base URL on. */
function absolute(baseUrl: string, given: string): string {
  const url = given.startsWith("/") ? baseUrl + given : given;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw unreadable("an address is none of the web");
  return url;
}

async function readVerdict(deps: InjiVerifierDeps, request: RequestHandle, call: CallContext): Promise<FlowVerdict> {
  const known = { validationTimestamp: deps.clock.now(), verifierLibraryVersion: null };
  try {
    const result = await readResult(deps, request, call);
    return {
      isValid: isValid(result),
      reason: reasonOf(result),
      issuer: issuerOf(result.vcResults[0]?.vc ?? ""),
      ...known,
    };
  } catch (error) {
    const walletError = walletErrorIn(error);
    if (walletError === null) throw error;
    return { isValid: false, reason: `wallet.${walletError}`, issuer: null, ...known };
  }
}

/** A wallet's error, which Inji Verify hands on as its own answer's `errorCode`; null for any other. */
function walletErrorIn(error: unknown): string | null {
  if (!(error instanceof InjiAnswerError) || error.errorCode === null) return null;
  const walletError = walletErrorOf(error.errorCode);
  return walletError === "other" ? null : walletError;
}

async function readResult(
  deps: InjiVerifierDeps,
  { verifierTransactionId }: RequestHandle,
  call: CallContext,
): Promise<ResultAnswer> {
  if (verifierTransactionId === null) throw new VerifierCallError("FLOW_FAILURE", "The flow knows no transaction.");
  const path = `/vp-result/${encodeURIComponent(verifierTransactionId)}`;
  // Whoever knows a transaction of an Inji Verify reads its result: no log names one.
  const fetched = { method: "GET", path, endpoint: "/vp-result/{transactionId}", isRepeated: true } as const;
  const read = (json: unknown) => {
    const result = readAnswer(resultAnswer, json);
    if (result.transactionId === verifierTransactionId) return result;
    throw new VerifierCallError("SECURITY_FAILURE", "The verifier answered with another transaction's result.");
  };
  return callInji(deps, fetched, read, call);
}

/** Valid is what the verifier calls so and holds valid credentials alone. */
function isValid({ vpResultStatus, vcResults }: ResultAnswer): boolean {
  const all = vcResults.every(({ verificationStatus }) => verificationStatus === "SUCCESS");
  return vpResultStatus === "SUCCESS" && vcResults.length > 0 && all;
}

const REASONS = {
  INVALID: "credential_invalid",
  EXPIRED: "credential_expired",
  REVOKED: "credential_revoked",
} as const;

function reasonOf(result: ResultAnswer): string | null {
  if (isValid(result)) return null;
  for (const { verificationStatus } of result.vcResults) {
    if (verificationStatus !== "SUCCESS") return REASONS[verificationStatus];
  }
  return "presentation_invalid";
}

/** The issuer of a credential as it came: JSON-LD, or a JWT with or without disclosures; null where it is not found. */
function issuerOf(vc: string): string | null {
  const [, payload = ""] = vc.split("~")[0]?.split(".") ?? [];
  const text = vc.trimStart().startsWith("{") ? vc : Buffer.from(payload, "base64url").toString("utf8");
  try {
    const { iss, issuer } = JSON.parse(text) as { iss?: unknown; issuer?: unknown };
    const named = iss ?? (typeof issuer === "object" ? (issuer as { id?: unknown } | null)?.id : issuer);
    return typeof named === "string" ? named.slice(0, 500) : null;
  } catch {
    return null;
  }
}

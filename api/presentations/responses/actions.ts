import type { Clock } from "../../../core/clock";
import { sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import type { Context } from "../../../process/context";
import { requestedClaims } from "../dcql/rules";
import { type Json, parseJson } from "../../../core/json";
import { PresentationRejection, unproven } from "../rejection";
import {
  type Answered,
  MAX_ATTEMPTS,
  type PresentationRequest,
  type PresentedCredential,
  statusAt,
  type Verdict,
} from "../rules";
import type { Closing, PresentationStore } from "../store";
import { decryptResponse, keyIdOf } from "./encryption";
import { responseCodeOf, withResponseCode } from "./responseCode";
import { type Presented, type ResponsePorts, verifyResponse } from "./verifyResponse";
import { walletErrorOf } from "./walletError";

/** What a wallet posted. */
export interface WalletResponse {
  /** Of the form, each at most once. */
  parameters: Readonly<Record<string, string | undefined>>;
  /** The form as it came. */
  body: Buffer;
  logger: Logger;
}

export interface SubmitDeps extends ResponsePorts, Pick<Context, "blindIndex"> {
  clock: Clock;
  presentations: Pick<PresentationStore, "find" | "close" | "countAttempt">;
  /** Tells the owner without waiting; again changes nothing, and what fails is repeated. */
  announceLater(answered: Answered): void;
  onStep?: ((step: string) => void | Promise<void>) | undefined;
}

/** What the wallet is answered with. */
export interface SubmissionReply {
  /** Where it sends the browser; null for nowhere. */
  redirectUri: string | null;
}

/**
 * Takes a wallet's response (OpenID4VP 1.0 §8.2, §8.3.1). Verifying only reads; then one conditional write closes the
 * request with its verdict, so of racing responses one counts. The very response that closed it may come again, for its
 * answer may have been lost, and has the same answer.
 *
 * @throws PresentationRejection `unproven` when it does not answer an open request
 * @throws TransientError when keys, the chain or a status list cannot be asked; nothing is written then
 */
export async function submitResponse(deps: SubmitDeps, response: WalletResponse): Promise<SubmissionReply> {
  const request = await findRequest(deps, response);
  const submissionHash = sha256Hex(response.body);
  const now = deps.clock.now();
  if (statusAt(request, now) !== "ACTIVE") return repeatAnswer(deps, { request, submissionHash });
  const { verdict, credentials } = await decideCounted(deps, { request, response, now });
  await deps.onStep?.("presentation.decided");
  const code = request.redirectUri === null ? null : await responseCodeOf(deps, request, submissionHash);
  const closed = await close(deps, request, {
    submissionHash,
    verdict,
    credentials,
    responseCodeHash: code && sha256Hex(code),
  });
  if (!closed) {
    const closedBefore = await requireRequest(deps, request.requestId);
    return repeatAnswer(deps, { request: closedBefore, submissionHash });
  }
  const { requestId, verifierId } = request;
  const { result, reason } = verdict;
  response.logger.info({ requestId, verifierId, result, reason }, "presentation decided");
  await deps.onStep?.("presentation.closed");
  return { redirectUri: withResponseCode(request.redirectUri, code) };
}

/** Closes a request by one write, which also says that the owner is to be told; false when it was closed before. */
async function close(
  deps: Pick<SubmitDeps, "presentations" | "announceLater">,
  request: PresentationRequest,
  closing: Omit<Closing, "isAnnounced">,
): Promise<boolean> {
  const { requestId, verifierId, isAnnounced } = request;
  const closed = await deps.presentations.close(requestId, { ...closing, isAnnounced });
  if (closed && isAnnounced) deps.announceLater({ requestId, verifierId, answeredAt: closing.verdict.decidedAt });
  return closed;
}

/** The request that a response answers: encrypted ones are found by the name of their key (§8.3). */
async function findRequest(
  { presentations }: Pick<SubmitDeps, "presentations">,
  { parameters }: WalletResponse,
): Promise<PresentationRequest> {
  const { response, state } = parameters;
  if (response !== undefined) {
    const found = await presentations.find(keyIdOf(response));
    if (found?.responseMode !== "direct_post.jwt") throw malformed("The response is encrypted to a key of no request.");
    return found;
  }
  if (state === undefined) throw malformed("The response has neither response nor state.");
  return requireRequest({ presentations }, state);
}

async function requireRequest(
  { presentations }: { presentations: Pick<PresentationStore, "find"> },
  requestId: string,
): Promise<PresentationRequest> {
  const found = await presentations.find(requestId);
  if (found === null) throw malformed("state names no request.");
  return found;
}

/** The answer to a request that is closed: the same to the same response, a rejection to any other. */
async function repeatAnswer(
  deps: Pick<SubmitDeps, "blindIndex">,
  { request, submissionHash }: { request: PresentationRequest; submissionHash: string },
): Promise<SubmissionReply> {
  if (request.status !== "VP_SUBMITTED" || request.submissionHash !== submissionHash) {
    throw malformed("The request was answered before, or its time passed.");
  }
  if (request.responseCodeHash === null) return { redirectUri: null };
  return { redirectUri: withResponseCode(request.redirectUri, await responseCodeOf(deps, request, submissionHash)) };
}

interface Decision {
  verdict: Verdict;
  /** Null when nothing was accepted. */
  credentials: PresentedCredential[] | null;
}

interface Submission {
  request: PresentationRequest;
  response: WalletResponse;
  now: Date;
}

/** Decides, and counts what does not answer the request: nobody may guess for ever. */
async function decideCounted(deps: SubmitDeps, submission: Submission): Promise<Decision> {
  try {
    return await decide(deps, submission);
  } catch (error) {
    if (!(error instanceof PresentationRejection)) throw error;
    const { request, now } = submission;
    const attempts = await deps.presentations.countAttempt(request.requestId, now);
    if (attempts !== null && attempts >= MAX_ATTEMPTS) {
      const verdict = rejected(error, now);
      // No submission hash: the response was rejected, and is rejected when it comes again.
      const closing = { submissionHash: null, verdict, credentials: null, responseCodeHash: null };
      await close(deps, request, closing);
    }
    throw error;
  }
}

async function decide(deps: SubmitDeps, { request, response, now }: Submission): Promise<Decision> {
  const { parameters, logger } = response;
  const answer =
    parameters["response"] === undefined
      ? plainAnswer(request, parameters)
      : await decrypted(request, parameters["response"]);
  const walletError = walletErrorOf(answer["error"]);
  if (walletError !== null) {
    const verdict: Verdict = {
      result: "invalid",
      reason: `wallet.${walletError}`,
      message: "The wallet did not present anything.",
      decidedAt: now,
    };
    return { verdict, credentials: null };
  }
  try {
    const target = { nonce: request.nonce, audience: request.clientId, now };
    const presented = await verifyResponse(deps, { ...request, vpToken: answer["vp_token"], target });
    return {
      verdict: { result: "valid", reason: null, message: null, decidedAt: now },
      credentials: shown(request, presented),
    };
  } catch (error) {
    if (!(error instanceof PresentationRejection) || error.effect === "unproven") throw error;
    logger.info({ requestId: request.requestId, reason: error.reason }, "presentation rejected");
    return { verdict: rejected(error, now), credentials: null };
  }
}

async function decrypted(
  { requestId, encryptionKey }: PresentationRequest,
  jwe: string,
): Promise<Readonly<Record<string, Json | undefined>>> {
  if (encryptionKey === null) throw malformed("The request was not made for an encrypted response.");
  const answer = await decryptResponse(jwe, encryptionKey.privateJwk);
  if (answer["state"] !== requestId) throw malformed("The encrypted state is another request's.");
  return answer;
}

function plainAnswer(
  { responseMode }: PresentationRequest,
  { error, vp_token: vpToken }: WalletResponse["parameters"],
): Readonly<Record<string, Json | undefined>> {
  // §8.5: an error may come without encryption, since it tells nothing of the holder.
  if (error !== undefined) return { error };
  if (responseMode === "direct_post.jwt") throw malformed("The response must be encrypted: it was asked for so.");
  try {
    return { vp_token: parseJson(vpToken ?? "") };
  } catch {
    throw malformed("vp_token is no JSON.");
  }
}

/** What the relying party reads: the claims that it asked for, of each credential. */
function shown({ query }: PresentationRequest, presented: Presented): PresentedCredential[] {
  return query.credentials.flatMap((asked) =>
    (presented.get(asked.id) ?? []).map(({ format, credential, issuer, types, claims }) => ({
      queryId: asked.id,
      format,
      credential,
      issuer,
      types,
      claims: requestedClaims(asked, claims),
    })),
  );
}

function rejected({ reason, message }: PresentationRejection, decidedAt: Date): Verdict {
  return { result: "invalid", reason, message, decidedAt };
}

function malformed(message: string): PresentationRejection {
  return unproven("response_malformed", message);
}

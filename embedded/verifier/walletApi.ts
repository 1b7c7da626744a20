import type { IncomingMessage } from "node:http";
import { assertNever } from "../../core/errors";
import type { VerifierContext } from "./context";
import { type HttpAnswer, readBody } from "./httpAnswer";
import { requestObject } from "./requestObject";
import { sampleClaims, type WalletResponse } from "./verifications";
import type { DeliveryMode } from "./webhooks";

/** What a wallet does with a request: show what is asked for, decline, or show a credential of an untrusted issuer. */
export type WalletDecision = "show" | "decline" | "untrusted";

/** The request object for a wallet (OpenID4VP 1.0 §5). */
export async function answerRequestObject(context: VerifierContext, id: string): Promise<HttpAnswer> {
  const found = context.verifications.find(id);
  if (found === undefined) return notFound();
  const { mediaType, body } = await requestObject(found, context);
  return { status: 200, headers: { "content-type": mediaType }, body };
}

/** A wallet's response (OpenID4VP 1.0 §8.2, `direct_post`). */
export async function receiveResponse(
  { verifications, webhooks }: VerifierContext,
  { id, request }: { id: string; request: IncomingMessage },
): Promise<HttpAnswer> {
  if (verifications.find(id) === undefined) return notFound();
  const form = new URLSearchParams(await readBody(request));
  if (!verifications.answer(id, walletResponseOf(form)))
    return { status: 400, body: { error: "invalid_request", error_description: "The verification is closed." } };
  webhooks.send(id);
  return { status: 200, body: {} };
}

/**
 * Answers a verification as a wallet would, and sends the webhook about it.
 *
 * @returns false when there is no such verification, or it has been answered before
 */
export function answerAsWallet(
  { verifications, webhooks }: VerifierContext,
  { id, decision, delivery }: { id: string; decision: WalletDecision; delivery: DeliveryMode },
): boolean {
  const found = verifications.find(id);
  if (found === undefined) return false;
  const claims = sampleClaims(found.request.dcql_query);
  if (!verifications.answer(id, responseTo(decision, claims))) return false;
  webhooks.send(id, delivery);
  return true;
}

function responseTo(decision: WalletDecision, claims: Record<string, unknown>): WalletResponse {
  switch (decision) {
    case "show":
      return { credential_subject_data: claims };
    case "decline":
      return { error_code: "client_rejected", error_description: "The holder declined." };
    case "untrusted":
      return { error_code: "issuer_not_accepted", error_description: "The issuer is not among those accepted." };
    default:
      return assertNever(decision);
  }
}

function walletResponseOf(form: URLSearchParams): WalletResponse {
  const error = form.get("error");
  if (error !== null) return { error_code: error, error_description: form.get("error_description") ?? "" };
  return { credential_subject_data: JSON.parse(form.get("vp_token") ?? "") as Record<string, unknown> };
}

function notFound(): HttpAnswer {
  return { status: 404, body: { detail: "Verification not found" } };
}

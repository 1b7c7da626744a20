import { DomainError } from "../../../core/errors";
import { isObject, type Json, parseJson } from "../../../core/json";
import { WALLET_EVENTS, type WalletEvent } from "../offers/rules";
import { issuanceError, type IssuanceErrorCode } from "./errors";

/** What a wallet asks the credential endpoint for. */
export interface CredentialRequest {
  configurationId: string;
  /** A key proof of the type `jwt`, not verified yet. */
  proof: string;
}

/**
 * Reads a Credential Request (OpenID4VCI 1.0 §8.2). Members that are not known are ignored.
 *
 * @throws DomainError `openid4vci.invalid_credential_request`, `openid4vci.unknown_credential_identifier`,
 * `openid4vci.invalid_encryption_parameters`, `openid4vci.invalid_proof`
 */
export function readCredentialRequest(body: Buffer): CredentialRequest {
  const request = parse(body, "invalid_credential_request");
  if (!isObject(request)) throw malformed("The request is no JSON object.");
  const { credential_configuration_id: configurationId, credential_identifier: identifier, proofs } = request;
  if (identifier !== undefined) {
    const message = "This issuer gives no credential identifiers: name the credential_configuration_id.";
    throw issuanceError("unknown_credential_identifier", message);
  }
  if (typeof configurationId !== "string") throw malformed("credential_configuration_id is missing.");
  if (request["credential_response_encryption"] !== undefined) {
    throw issuanceError("invalid_encryption_parameters", "Responses are not encrypted beyond TLS.");
  }
  if (!isObject(proofs)) throw issuanceError("invalid_proof", "proofs is missing: the credential is bound to a key.");
  const types = Object.keys(proofs);
  const { jwt } = proofs;
  const [proof] = Array.isArray(jwt) ? jwt : [];
  if (types.length !== 1 || !Array.isArray(jwt) || jwt.length !== 1 || typeof proof !== "string") {
    throw issuanceError("invalid_proof", "proofs must have one proof, of the type jwt.");
  }
  return { configurationId, proof };
}

/** What a wallet says of a credential. */
export interface Notification {
  notificationId: string;
  event: WalletEvent;
}

/**
 * Reads a Notification Request (OpenID4VCI 1.0 §11.1). What else it says of the event is ignored.
 *
 * @throws DomainError `openid4vci.invalid_notification_request`
 */
export function readNotification(body: Buffer): Notification {
  const request = parse(body, "invalid_notification_request");
  const { notification_id: notificationId, event: named } = isObject(request) ? request : {};
  const event = WALLET_EVENTS.find((known) => known === named);
  if (typeof notificationId === "string" && event !== undefined) return { notificationId, event };
  const message = `notification_id and one of the events ${WALLET_EVENTS.join(", ")} must be given.`;
  throw issuanceError("invalid_notification_request", message);
}

/**
 * The error that a wallet is told where a credential that was offered cannot be issued any more.
 *
 * @returns the error itself where it is no decision about the credential
 */
export function deniedBecause(error: unknown): unknown {
  if (!(error instanceof DomainError)) return error;
  return issuanceError("credential_request_denied", `The credential cannot be issued: ${error.message}`, error);
}

function parse(body: Buffer, errorCode: IssuanceErrorCode): Json {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    throw issuanceError(errorCode, "The request is no JSON in UTF-8.", error);
  }
}

function malformed(message: string) {
  return issuanceError("invalid_credential_request", message);
}

import { DomainError } from "../../../core/errors";
import type { RejectionDescription } from "../../http/endpoint";
import type { DcqlQuery } from "../dcql/query";

/** What a body may say of what is asked for. */
interface AskingBody {
  dcqlQuery?: DcqlQuery | undefined;
  dcql_query?: DcqlQuery | undefined;
  presentationDefinition?: Record<string, unknown> | undefined;
  presentationDefinitionId?: string | undefined;
}

/** What is asked for: a query or a definition, never both. */
export type Asked =
  { query: DcqlQuery; presentationDefinition: null } | { query: null; presentationDefinition: Record<string, unknown> };

/** Of every operation that takes what is asked for, and a return URL. */
export const ASKING_REJECTIONS: RejectionDescription[] = [
  {
    code: "presentation.query_missing",
    kind: "invalid",
    meaning: "Neither or both of a DCQL query and a definition.",
  },
  {
    code: "presentation.definition_not_supported",
    kind: "invalid",
    meaning: "The definition has no counterpart in DCQL.",
  },
  {
    code: "presentation.return_url_unknown",
    kind: "invalid",
    meaning: "redirectUri is not registered with the verifier.",
  },
];

/** @throws DomainError `presentation.query_missing` unless it is said once, `presentation.definition_not_supported` */
export function readAsked(body: AskingBody): Asked {
  const { dcqlQuery, dcql_query: snakeCase, presentationDefinition, presentationDefinitionId } = body;
  if (presentationDefinitionId !== undefined) throw noStoredDefinitions();
  const given = [dcqlQuery, snakeCase, presentationDefinition].filter((one) => one !== undefined);
  if (given.length !== 1) throw queryMissing();
  const query = dcqlQuery ?? snakeCase;
  if (query !== undefined) return { query, presentationDefinition: null };
  return { query: null, presentationDefinition: presentationDefinition ?? {} };
}

/** A verifier's account, as far as it says where browsers may be sent. */
export interface ReturnUrlDeps {
  findVerifier(verifierId: string): Promise<{ name: string; redirectUris: string[] } | null>;
}

/**
 * RFC 9700 §2.1: compared as a whole, so that nobody else gets the response code.
 *
 * @returns the verifier's account
 * @throws DomainError `presentation.return_url_unknown`
 */
export async function requireReturnUrl(
  { findVerifier }: ReturnUrlDeps,
  verifierId: string,
  url: string,
): Promise<{ name: string }> {
  const verifier = await findVerifier(verifierId);
  if (verifier?.redirectUris.includes(url) !== true) throw returnUrlUnknown();
  return verifier;
}

function queryMissing(): DomainError {
  const message = "Give what is asked for, once: dcqlQuery, or presentationDefinition.";
  return new DomainError("presentation.query_missing", "invalid", message, {
    fields: [{ field: "body.dcqlQuery", message: "give this or presentationDefinition, and not both" }],
    details: { errorCode: "BOTH_ID_AND_PD_CANNOT_BE_NULL", errorMessage: message },
  });
}

function noStoredDefinitions(): DomainError {
  const message = "There are no stored presentation definitions: give the definition itself, or a DCQL query.";
  return new DomainError("presentation.definition_not_supported", "invalid", message, {
    fields: [{ field: "body.presentationDefinitionId", message: "give presentationDefinition or dcqlQuery instead" }],
  });
}

function returnUrlUnknown(): DomainError {
  const message = "redirectUri is not registered with this verifier: register it, or leave it out.";
  return new DomainError("presentation.return_url_unknown", "invalid", message, {
    fields: [{ field: "body.redirectUri", message: "must be one of the verifier's redirectUris, exactly" }],
  });
}

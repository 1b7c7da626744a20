import { DomainError } from "../../../core/errors";
import type { RequestContext } from "../../http/endpoint";
import type { GuessLimit } from "../../http/guessLimit";
import { parseForm } from "../form";
import { oauthError } from "../errors";
import type { RequestParameters } from "../rules";
import { authenticateClient } from "./actions";
import { type AssertionDeps, authenticateByAssertion } from "../assertions/actions";
import type { OAuthClient } from "./rules";

export interface AuthenticateDeps extends AssertionDeps {
  limitGuesses: GuessLimit;
}

/**
 * Reads a client's form and authenticates the client.
 *
 * @throws DomainError `oauth.invalid_client`, `oauth.invalid_request`, `request.too_many`
 */
export async function readClientForm(
  deps: AuthenticateDeps,
  body: Buffer,
  context: Pick<RequestContext, "header" | "ip">,
): Promise<{ client: OAuthClient; form: RequestParameters }> {
  const form = parseForm(body, context.header("content-type"));
  const client = await authenticateRequest(deps, {
    authorization: context.header("authorization"),
    form,
    ip: context.ip,
  });
  return { client, form };
}

/**
 * The client that a secret belongs to, as long as its caller's address has not brought too many wrong ones.
 *
 * @throws DomainError `oauth.invalid_client`, `request.too_many`
 */
export function authenticateFrom(
  { clients, limitGuesses }: Pick<AuthenticateDeps, "clients" | "limitGuesses">,
  { clientId, secret, ip }: { clientId: string; secret: string; ip: string },
): Promise<OAuthClient> {
  return limitGuesses({
    secret: `${clientId}\n${secret}`,
    ip,
    read: () => authenticateClient({ clients }, { clientId, secret }),
    isWrong: (error) => error instanceof DomainError && error.code === "oauth.invalid_client",
  });
}

/**
 * By `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1), or by `private_key_jwt` (RFC 7523 §2.2), one of
 * the three.
 */
async function authenticateRequest(
  deps: AuthenticateDeps,
  { authorization, form, ip }: { authorization: string | undefined; form: RequestParameters; ip: string },
): Promise<OAuthClient> {
  const { client_id: clientId, client_secret: secret, client_assertion: assertion } = form;
  if (assertion !== undefined) {
    if (authorization !== undefined || secret !== undefined) throw twoWays();
    return authenticateByAssertion(deps, { assertion, type: form["client_assertion_type"], clientId });
  }
  if (authorization === undefined) {
    if (clientId !== undefined && secret !== undefined) return authenticateFrom(deps, { clientId, secret, ip });
    throw oauthError("invalid_client", "The client did not authenticate: send its id and secret, or its assertion.");
  }
  if (secret !== undefined) throw twoWays();
  const basic = parseBasic(authorization);
  if (clientId !== undefined && clientId !== basic.clientId) {
    throw oauthError("invalid_request", "client_id is not the client that authenticated.");
  }
  return authenticateFrom(deps, { ...basic, ip });
}

function twoWays(): DomainError {
  return oauthError("invalid_request", "The client authenticated in two ways at once.");
}

/** The bearer token of an Authorization header (RFC 6750 §2.1); undefined when there is none. */
export function parseBearer(authorization: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? "")?.[1];
}

function parseBasic(authorization: string): { clientId: string; secret: string } {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization)?.[1];
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? "", "base64").toString("utf8")) ?? [];
  try {
    // Both are form-encoded before they are joined (RFC 6749 §2.3.1).
    if (id !== undefined && secret !== undefined) return { clientId: formDecode(id), secret: formDecode(secret) };
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  throw oauthError("invalid_client", "The Authorization header is not Basic with the client's id and secret.");
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

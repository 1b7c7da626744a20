import { authenticateClient } from "./actions";
import type { ClientStore } from "./store";
import { oauthRefusal, type OAuthClient } from "../rules";

/**
 * The client that a request of the back channel comes from: `client_secret_basic` or `client_secret_post` (RFC 6749
 * §2.3.1), one of the two.
 *
 * @throws DomainError `oauth.invalid_client`, `oauth.invalid_request`
 */
export async function readClient(
  clients: Pick<ClientStore, "find">,
  { authorization, form }: { authorization: string | undefined; form: Record<string, string | undefined> },
): Promise<OAuthClient> {
  const { client_id: clientId, client_secret: secret } = form;
  if (authorization === undefined) {
    if (clientId !== undefined && secret !== undefined) return authenticateClient({ clients }, { clientId, secret });
    throw oauthRefusal("invalid_client", "The client did not authenticate: send its id and secret.");
  }
  if (secret !== undefined) throw oauthRefusal("invalid_request", "The client authenticated in two ways at once.");
  const basic = parseBasic(authorization);
  if (clientId !== undefined && clientId !== basic.clientId) {
    throw oauthRefusal("invalid_request", "client_id is not the client that authenticated.");
  }
  return authenticateClient({ clients }, basic);
}

/** The bearer token of an Authorization header (RFC 6750 §2.1); undefined when there is none. */
export function readBearer(authorization: string | undefined): string | undefined {
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
  throw oauthRefusal("invalid_client", "The Authorization header is not Basic with the client's id and secret.");
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

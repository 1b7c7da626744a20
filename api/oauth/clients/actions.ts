import type { Clock } from "../../../core/clock";
import { randomId, randomToken } from "../../../core/crypto";
import { equalsInConstantTime, sha256Hex } from "../../../core/hash";
import { DomainError } from "../../../core/errors";
import type { ClientStore } from "./store";
import { NOTIFICATION_HEADER, oauthRefusal, type OAuthClient, type ScopeDefinition } from "../rules";
import { credentialsContext, type Sealer } from "../secrets";

/** What is given to register a relying party. */
export interface ClientRegistration {
  /** Letters, digits, `_` and `-`; drawn when absent. */
  clientId?: string | undefined;
  name: string;
  redirectUris: string[];
  verifierUrl: string;
  managementPath?: string | undefined;
  /** A header for the verifier's management API, `Name: value`. */
  verifierHeader?: string | undefined;
  acceptedIssuers?: string[] | undefined;
  scopes: ScopeDefinition[];
  webhookUrl?: string | undefined;
  /** What the verifier sends with its notifications, in the header named below. */
  notificationKey?: string | undefined;
  /** The verifier chooses it (swiyu: `WEBHOOK_API_KEY_HEADER`); `x-api-key` when absent. */
  notificationHeader?: string | undefined;
  failuresAsCode?: boolean | undefined;
}

/** What registering needs. */
export interface RegistrationParts {
  clients: ClientStore;
  sealer: Sealer;
  clock: Clock;
}

const CLIENT_ID = /^[A-Za-z0-9_-]{3,64}$/;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * Registers a relying party.
 *
 * @returns the client and its secret, which is kept nowhere
 * @throws DomainError `oauth_client.invalid` naming every fault, `oauth_client.exists`
 */
export async function registerClient(
  { clients, sealer, clock }: RegistrationParts,
  registration: ClientRegistration,
): Promise<{ client: OAuthClient; secret: string }> {
  const faults = faultsOf(registration);
  if (faults.length > 0) {
    throw new DomainError("oauth_client.invalid", "invalid", `The client cannot be registered: ${faults.join("; ")}.`);
  }
  const { clientId = randomId(), verifierUrl, verifierHeader, notificationKey, webhookUrl } = registration;
  const secret = newSecret();
  const client: OAuthClient = {
    clientId,
    name: registration.name.trim(),
    secretHashes: [sha256Hex(secret)],
    redirectUris: registration.redirectUris,
    verifierUrl,
    managementPath: registration.managementPath ?? "/management/api/verifications",
    sealedCredentials:
      verifierHeader === undefined
        ? null
        : await sealer.seal(verifierHeader, credentialsContext({ clientId, verifierUrl })),
    acceptedIssuers: registration.acceptedIssuers ?? [],
    scopes: registration.scopes,
    webhookUrl: webhookUrl ?? null,
    notificationHeader: (registration.notificationHeader ?? NOTIFICATION_HEADER).toLowerCase(),
    notificationKeyHash: notificationKey === undefined ? null : sha256Hex(notificationKey),
    failuresAsCode: registration.failuresAsCode ?? false,
    createdAt: clock.now(),
  };
  if (await clients.insert(client)) return { client, secret };
  throw new DomainError("oauth_client.exists", "conflict", `There is a client ${clientId} already: choose another id.`);
}

/**
 * Gives a client a new secret; the one before stays valid until the next time, so that it can be replaced without a
 * pause.
 *
 * @throws DomainError `oauth_client.unknown`
 */
export async function replaceSecret({ clients }: { clients: ClientStore }, clientId: string): Promise<string> {
  const client = await clients.find(clientId);
  const secret = newSecret();
  const hashes = [sha256Hex(secret), ...(client?.secretHashes.slice(0, 1) ?? [])];
  if (client !== null && (await clients.setSecrets(clientId, hashes))) return secret;
  throw new DomainError("oauth_client.unknown", "not_found", `There is no client ${clientId}; list them first.`);
}

/**
 * The client that a secret belongs to. The comparison takes as long for a client that does not exist.
 *
 * @throws DomainError `oauth.invalid_client`
 */
export async function authenticateClient(
  { clients }: { clients: Pick<ClientStore, "find"> },
  given: { clientId: string; secret: string },
): Promise<OAuthClient> {
  const client = await clients.find(given.clientId);
  const hash = sha256Hex(given.secret);
  const hashes = client?.secretHashes ?? ["no client"];
  // Every hash is compared, whichever fits.
  const fits = hashes.map((known) => equalsInConstantTime(known, hash)).includes(true);
  if (client !== null && fits) return client;
  throw oauthRefusal("invalid_client", "The client is unknown, or the secret is not its own.");
}

function newSecret(): string {
  return randomToken("OCS-");
}

function faultsOf(registration: ClientRegistration): string[] {
  const { clientId, name, redirectUris, verifierUrl, managementPath, verifierHeader, scopes, webhookUrl } =
    registration;
  const faults: string[] = [];
  const require = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  require(clientId === undefined || CLIENT_ID.test(clientId), "the id must be 3 to 64 letters, digits, _ or -");
  require(/\S/.test(name) && name.length <= 100, "the name must have 1 to 100 characters");
  require(redirectUris.length > 0, "at least one redirect URI is needed");
  for (const uri of redirectUris)
    require(isRedirectUri(uri), `${uri} is no redirect URI (https, or http on this machine; no fragment)`);
  require(isWebUrl(verifierUrl), "the verifier's URL must be https:// or http://");
  require(managementPath === undefined ||
    /^(\/[A-Za-z0-9._~-]+)+$/.test(managementPath), "the management path must look like /management/api/verifications");
  require(verifierHeader === undefined ||
    /^[A-Za-z0-9-]+:\s*[\x21-\x7e][\x20-\x7e]*$/.test(
      verifierHeader,
    ), "the verifier's header must look like Name: value");
  require(registration.notificationHeader === undefined ||
    /^[A-Za-z0-9-]{1,64}$/.test(
      registration.notificationHeader,
    ), "the notifications' header must be a header's name, letters, digits and -");
  require(webhookUrl === undefined || isWebUrl(webhookUrl), "the webhook URL must be https:// or http://");
  require(scopes.length > 0, "at least one scope is needed");
  require(new Set(scopes.map((scope) => scope.name)).size === scopes.length, "scopes must have distinct names");
  for (const { name: scope, description, dcql } of scopes) {
    require(SCOPE.test(scope), `the scope ${scope} must be printable characters without spaces`);
    require(/\S/.test(description), `the scope ${scope} needs a description for people`);
    require(dcql.credentials.length > 0, `the scope ${scope} asks for no credential`);
  }
  const ids = scopes.flatMap(({ dcql }) => dcql.credentials.map((credential) => credential["id"]));
  require(ids.every(
    (id) => typeof id === "string" && /^[A-Za-z0-9_-]+$/.test(id),
  ), "every credential asked for needs an id of letters, digits, _ or -");
  require(new Set(ids).size === ids.length, "credentials asked for must have distinct ids, in all scopes together");
  return faults;
}

function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function isRedirectUri(text: string): boolean {
  if (!URL.canParse(text) || text.includes("#") || text.includes("*")) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname));
}

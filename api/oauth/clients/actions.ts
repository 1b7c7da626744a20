import type { JSONWebKeySet } from "jose";
import type { Clock } from "../../../core/clock";
import { randomId, randomToken } from "../../../core/crypto";
import { equalsInConstantTime, sha256Hex } from "../../../core/hash";
import { DomainError } from "../../../core/errors";
import { oauthError } from "../errors";
import { keyProblems } from "./clientKeys";
import { type ClientRegistration, type DcqlQuery, NOTIFICATION_HEADER, type OAuthClient, problemsOf } from "./rules";
import { credentialsContext, type Sealer } from "./sealer";
import type { ClientStore } from "./store";

export interface RegisterClientDeps {
  clients: Pick<ClientStore, "insert">;
  sealer: Pick<Sealer, "seal">;
  clock: Clock;
  /** What this installation's own verifier finds wrong with a DCQL query, a clause for each problem. */
  queryProblems(query: DcqlQuery): string[];
}

/**
 * Registers a relying party.
 *
 * @returns the client and its secret, of which only a hash is stored; null for a client that authenticates by its keys
 * @throws DomainError `oauth_client.invalid` naming every problem, `oauth_client.exists`
 */
export async function registerClient(
  { clients, sealer, clock, queryProblems }: RegisterClientDeps,
  registration: ClientRegistration,
): Promise<{ client: OAuthClient; secret: string | null }> {
  const problems = problemsOf(registration, queryProblems);
  if (problems.length > 0) {
    const message = `The client cannot be registered: ${problems.join("; ")}.`;
    throw new DomainError("oauth_client.invalid", "invalid", message);
  }
  const { clientId = randomId(), verifierHeader, verifierUrl, notificationKey, webhookUrl } = registration;
  const jwks = registration.jwks ?? null;
  const secret = jwks === null ? createSecret() : null;
  const client: OAuthClient = {
    clientId,
    name: registration.name.trim(),
    secretHashes: secret === null ? [] : [sha256Hex(secret)],
    jwks,
    requiresPkce: registration.withoutPkce !== true,
    redirectUris: registration.redirectUris,
    verifierUrl: verifierUrl ?? null,
    managementPath: registration.managementPath ?? "/management/api/verifications",
    sealedCredentials:
      verifierHeader === undefined || verifierUrl === undefined
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
 * Gives a client a new secret. The previous one stays valid until the next replacement, so that the client can change
 * over without a pause.
 *
 * @throws DomainError `oauth_client.unknown`
 */
export async function replaceSecret(
  { clients }: { clients: Pick<ClientStore, "find" | "setSecrets"> },
  clientId: string,
): Promise<string> {
  const client = await clients.find(clientId);
  const secret = createSecret();
  const hashes = [sha256Hex(secret), ...(client?.secretHashes.slice(0, 1) ?? [])];
  if (client !== null && (await clients.setSecrets(clientId, hashes))) return secret;
  throw new DomainError(
    "oauth_client.unknown",
    "not_found",
    `There is no client ${clientId} that has a secret; list them first.`,
  );
}

/**
 * Gives a client that authenticates by keys other keys. What the former ones signed counts no more once the caches of
 * the processes have forgotten them; a client that changes over without a pause names both for a while.
 *
 * @throws DomainError `oauth_client.invalid`, `oauth_client.unknown`
 */
export async function replaceKeys(
  { clients }: { clients: Pick<ClientStore, "setKeys"> },
  { clientId, jwks }: { clientId: string; jwks: JSONWebKeySet },
): Promise<void> {
  const problems = keyProblems(jwks);
  if (problems.length > 0) {
    throw new DomainError("oauth_client.invalid", "invalid", `The keys cannot be used: ${problems.join("; ")}.`);
  }
  if (await clients.setKeys(clientId, jwks)) return;
  const message = `There is no client ${clientId} that authenticates by keys; list them first.`;
  throw new DomainError("oauth_client.unknown", "not_found", message);
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
  throw oauthError("invalid_client", "The client is unknown, or the secret is not its own.");
}

function createSecret(): string {
  return randomToken("OCS-");
}

import type { Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { DomainError } from "../../../core/errors";
import { hashApiKey, createApiKey, requireApiKey } from "../../../core/keys/apiKeys";
import type { VerifierAccount, VerifierChange, VerifierStore } from "./store";

/** What the use cases of verifiers' accounts need. */
export interface VerifierDeps {
  verifiers: VerifierStore;
  clock: Clock;
  /** The secret that signs an owner's webhooks. */
  secretOf(owner: string): Promise<string>;
}

/**
 * Registers a verifier.
 *
 * @returns the account, its API key and its webhook secret, both shown this once; the secret is null without a webhook
 */
export async function addVerifier(
  { verifiers, clock, secretOf }: VerifierDeps,
  { name, webhookUrl, redirectUris }: Pick<VerifierAccount, "name" | "webhookUrl" | "redirectUris">,
): Promise<{ account: VerifierAccount; apiKey: string; webhookSecret: string | null }> {
  const now = clock.now();
  const { key: apiKey, record } = createApiKey("verifier", now);
  const account = { verifierId: randomId(), name, webhookUrl, redirectUris, apiKeys: [record], createdAt: now };
  const webhookSecret = webhookUrl === null ? null : await secretOf(account.verifierId);
  await verifiers.insert(account);
  return { account, apiKey, webhookSecret };
}

/** @throws DomainError `verifier.unknown` */
export async function readVerifier(
  { verifiers }: Pick<VerifierDeps, "verifiers">,
  { verifierId }: { verifierId: string },
): Promise<VerifierAccount> {
  return (await verifiers.find(verifierId)) ?? throwUnknown();
}

/** Changes what is given of an account. @throws DomainError `verifier.unknown` */
export async function changeVerifier(
  { verifiers }: Pick<VerifierDeps, "verifiers">,
  { verifierId, change }: { verifierId: string; change: VerifierChange },
): Promise<VerifierAccount> {
  return (await verifiers.update(verifierId, change)) ?? throwUnknown();
}

/** Gives a verifier a further API key, shown this once. @throws DomainError `verifier.unknown` */
export async function addApiKey(
  { verifiers, clock }: Pick<VerifierDeps, "verifiers" | "clock">,
  { verifierId }: { verifierId: string },
): Promise<{ id: string; apiKey: string }> {
  const { key, record } = createApiKey("verifier", clock.now());
  if (await verifiers.addApiKey(verifierId, record)) return { id: record.id, apiKey: key };
  return throwUnknown();
}

function throwUnknown(): never {
  throw new DomainError("verifier.unknown", "not_found", "There is no verifier of this id.");
}

/** @throws DomainError `api_key.not_found` */
export async function revokeApiKey(
  { verifiers, clock }: Pick<VerifierDeps, "verifiers" | "clock">,
  { verifierId, keyId }: { verifierId: string; keyId: string },
): Promise<void> {
  if (await verifiers.revokeApiKey(verifierId, keyId, clock.now())) return;
  throw new DomainError("api_key.not_found", "not_found", "The verifier has no API key of this id.");
}

/** Whose API key this is. @throws DomainError `api_key.unknown`, `api_key.revoked` */
export async function authenticateVerifier(
  { verifiers }: Pick<VerifierDeps, "verifiers">,
  key: string,
): Promise<{ accountId: string; keyId: string }> {
  const account = await verifiers.findByApiKey(hashApiKey(key));
  const { id } = requireApiKey(account?.apiKeys, key);
  return { accountId: account?.verifierId ?? "", keyId: id };
}

import { hashMessage } from "ethers";
import { hashApiKey, createApiKey, requireApiKey } from "../../core/keys/apiKeys";
import { addSeconds, sleep } from "../../core/clock";
import { randomId, randomNonce } from "../../core/crypto";
import { DomainError } from "../../core/errors";
import {
  type ConfirmDeps,
  type Confirmation,
  type Presentation,
  type PresentedCredential,
  confirm,
  readClaims,
} from "./confirmation/actions";
import { credentialIdOf } from "./confirmation/issuerSignature";
import { formatChallenge } from "./rules";
import type { Verification, VerificationStore } from "./store";
import type { UsageCursor, UsageFilter } from "./usage/store";
import type { VerifierAccount, VerifierStore } from "./verifiers/store";

/** What the use cases of verification need from around them. */
export interface VerificationDeps extends ConfirmDeps {
  verifiers: VerifierStore;
  verifications: VerificationStore;
  /** Origin under which people reach the API, without a trailing slash. */
  publicUrl: string;
  /** How long a holder may take to answer. */
  challengeSeconds: number;
  /** The DIDs a user has proved control of. */
  didsOf(userId: string): Promise<string[]>;
  /** The secret that a verifier's webhooks are signed with. */
  secretOf(owner: string): Promise<string>;
}

/** A verification, and what its verifier may see of the credential: its content only once it is verified. */
export interface VerificationView {
  verification: Verification;
  /** `expired`: nobody answered in time. */
  status: Verification["status"] | "expired";
  presented: { credential: PresentedCredential; claims: Record<string, unknown> } | null;
}

/** How often a waiting reader looks again. */
const POLL_INTERVAL_MS = 250;

/** Requests shown to a holder at once. */
const MAX_PENDING = 20;

/** The use cases of verification. */
export type VerificationActions = ReturnType<typeof verificationActions>;

/** Makes the use cases of verification. */
export function verificationActions(parts: VerificationDeps) {
  const { verifiers, verifications, clock } = parts;

  async function requireCredential(credentialId: string): Promise<PresentedCredential> {
    const credential = await parts.findCredential(credentialId);
    if (credential !== null) return credential;
    throw new DomainError("credential.unknown", "not_found", "There is no such credential here.");
  }

  async function requireVerification(verificationId: string, verifierId?: string): Promise<Verification> {
    const verification = await verifications.find(verificationId);
    if (verification !== null && (verifierId === undefined || verification.verifierId === verifierId))
      return verification;
    throw new DomainError(
      "verification.unknown",
      "not_found",
      "There is no such verification, or it is another verifier's.",
    );
  }

  async function view(verification: Verification): Promise<VerificationView> {
    const late = verification.status === "pending" && verification.challenge.expiresAt <= clock.now();
    const status = late ? ("expired" as const) : verification.status;
    if (status !== "verified") return { verification, status, presented: null };
    const credential = await requireCredential(verification.credentialId);
    return { verification, status, presented: { credential, claims: readClaims(credential.jwt) } };
  }

  return {
    /**
     * Registers a verifier.
     *
     * @returns the account, its API key and its webhook secret, both shown this once
     */
    async addVerifier(input: { name: string; webhookUrl: string | null }) {
      const { key: apiKey, record } = createApiKey("verifier", clock.now());
      const account: VerifierAccount = { ...input, verifierId: randomId(), apiKeys: [record], createdAt: clock.now() };
      const webhookSecret = input.webhookUrl === null ? null : await parts.secretOf(account.verifierId);
      await verifiers.insert(account);
      return { account, apiKey, webhookSecret };
    },

    /** Gives a verifier a further API key, shown this once. @throws DomainError `verifier.unknown` */
    async addApiKey(verifierId: string): Promise<{ id: string; apiKey: string }> {
      const { key, record } = createApiKey("verifier", clock.now());
      if (await verifiers.addApiKey(verifierId, record)) return { id: record.id, apiKey: key };
      throw new DomainError("verifier.unknown", "not_found", "There is no verifier of this id.");
    },

    /** @throws DomainError `api_key.not_found` */
    async revokeApiKey(verifierId: string, id: string): Promise<void> {
      if (await verifiers.revokeApiKey(verifierId, id, clock.now())) return;
      throw new DomainError("api_key.not_found", "not_found", "The verifier has no API key of this id.");
    },

    /** Whose API key this is. @throws DomainError `api_key.unknown`, `api_key.revoked` */
    async authenticate(key: string): Promise<{ accountId: string; keyId: string }> {
      const account = await verifiers.findByApiKey(hashApiKey(key));
      const record = requireApiKey(account?.apiKeys, key);
      return { accountId: account?.verifierId ?? "", keyId: record.id };
    },

    /**
     * Opens a verification: the holder has to answer its challenge in time.
     *
     * @param presented the credential's id or its JWT, as the verifier was shown it
     * @throws DomainError `credential.unknown`, `verifier.unknown`
     */
    async open(verifierId: string, presented: { credentialId: string } | { jwt: string }) {
      const credentialId = "jwt" in presented ? credentialIdOf(presented.jwt) : presented.credentialId;
      const [verifier, credential] = await Promise.all([
        verifiers.find(verifierId),
        requireCredential(credentialId ?? ""),
      ]);
      if (verifier === null) throw new DomainError("verifier.unknown", "not_found", "There is no verifier of this id.");
      const issuedAt = clock.now();
      const expiresAt = addSeconds(issuedAt, parts.challengeSeconds);
      const verificationId = randomId();
      const nonce = randomNonce();
      const { type, issuerName, subjectDid } = credential;
      const message = formatChallenge({
        domain: new URL(parts.publicUrl).host,
        verificationId,
        verifierName: verifier.name,
        credentialType: type,
        issuerName,
        credentialId: credential.credentialId,
        nonce,
        issuedAt,
        expiresAt,
      });
      const foreign = "jwt" in presented && presented.jwt !== credential.jwt;
      const verification: Verification = {
        verificationId,
        verifierId,
        verifierName: verifier.name,
        credentialId: credential.credentialId,
        subjectDid,
        foreignJwt: foreign && "jwt" in presented ? presented.jwt : null,
        challenge: { nonce, message, digest: hashMessage(message), issuedAt, expiresAt },
        status: "pending",
        decision: null,
        createdAt: issuedAt,
        wantsWebhook: verifier.webhookUrl !== null,
        deliveryPendingSince: null,
      };
      await verifications.insert(verification);
      return { verification, credential };
    },

    /**
     * What verifiers ask of a holder's credential right now, the newest first.
     *
     * @throws DomainError `credential.unknown` when it is none of the holder's
     */
    async requestsFor(userId: string, credentialId: string) {
      const [credential, dids] = await Promise.all([requireCredential(credentialId), parts.didsOf(userId)]);
      if (!dids.includes(credential.subjectDid)) {
        throw new DomainError("credential.unknown", "not_found", "There is no such credential here.");
      }
      const requests = await verifications.pendingFor(credentialId, clock.now(), MAX_PENDING);
      return { credential, requests };
    },

    /** See {@link confirm}; also @throws DomainError `verification.unknown`. */
    async confirm(confirmation: Confirmation): Promise<Presentation> {
      return confirm(parts, confirmation, await requireVerification(confirmation.verificationId));
    },

    /**
     * What became of a verification; waits for it to be decided when asked to.
     *
     * @throws DomainError `verification.unknown`
     */
    async get(input: {
      verifierId: string;
      verificationId: string;
      waitSeconds: number;
      signal: AbortSignal;
    }): Promise<VerificationView> {
      const deadline = addSeconds(clock.now(), input.waitSeconds);
      for (;;) {
        const found = await view(await requireVerification(input.verificationId, input.verifierId));
        if (found.status !== "pending" || clock.now() >= deadline || input.signal.aborted) return found;
        await sleep(POLL_INTERVAL_MS, input.signal);
      }
    },

    /** Who wanted to see a holder's credential. @throws DomainError `credential.unknown` */
    async usageForHolder(userId: string, credentialId: string, page: { limit: number; before: UsageCursor | null }) {
      const [credential, dids] = await Promise.all([requireCredential(credentialId), parts.didsOf(userId)]);
      if (!dids.includes(credential.subjectDid)) {
        throw new DomainError("credential.unknown", "not_found", "There is no such credential here.");
      }
      return parts.log.list({ credentialId }, page);
    },

    /** Entries of the usage log, for those who may see all they filter for. */
    usage: (filter: UsageFilter, page: { limit: number; before: UsageCursor | null }) => parts.log.list(filter, page),

    alerts: (limit: number) => parts.alerts.list(limit),
  };
}

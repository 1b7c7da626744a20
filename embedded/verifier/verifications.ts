import { randomId, randomNonce } from "../../core/crypto";

/** What a verifier's client asks for (the management API's request body, as far as it matters here). */
export interface VerificationRequest {
  dcql_query: { credentials: AskedCredential[] };
  accepted_issuer_dids?: string[];
  response_mode?: string;
  jwt_secured_authorization_request?: boolean;
}

export interface AskedCredential {
  id: string;
  format?: string;
  meta?: { vct_values?: string[] };
  claims?: { path: (string | number | null)[] }[];
}

/** What a wallet answered, as the management API shows it. */
export interface WalletResponse {
  error_code?: string;
  error_description?: string;
  credential_subject_data?: Record<string, unknown>;
}

export interface Verification {
  id: string;
  requestNonce: string;
  state: "PENDING" | "SUCCESS" | "FAILED";
  request: VerificationRequest;
  walletResponse: WalletResponse | null;
  expiresAtMs: number;
}

/** The verifications of the stand-in, in memory. One that expired is as if it had never been. */
export interface VerificationStore {
  create(request: VerificationRequest): Verification;
  find(id: string): Verification | undefined;
  /** Takes a wallet's answer; false when there was one before. */
  answer(id: string, response: WalletResponse): boolean;
  /** Lets one expire now. */
  expire(id: string): void;
  all(): Verification[];
}

export function createVerificationStore(ttlSeconds: number): VerificationStore {
  const kept = new Map<string, Verification>();
  const find = (id: string) => {
    const found = kept.get(id);
    return found !== undefined && found.expiresAtMs > Date.now() ? found : undefined;
  };
  return {
    create(request) {
      const verification: Verification = {
        id: randomId(),
        requestNonce: randomNonce(),
        state: "PENDING",
        request,
        walletResponse: null,
        expiresAtMs: Date.now() + ttlSeconds * 1000,
      };
      kept.set(verification.id, verification);
      return verification;
    },
    find,
    answer(id, response) {
      const found = find(id);
      if (found?.state !== "PENDING") return false;
      found.state = response.error_code === undefined ? "SUCCESS" : "FAILED";
      found.walletResponse = response;
      return true;
    },
    expire(id) {
      const found = kept.get(id);
      if (found !== undefined) found.expiresAtMs = 0;
    },
    all: () => [...kept.values()],
  };
}

/** Claims that satisfy a query, made up: what the played wallet shows. */
export function sampleClaims({ credentials }: VerificationRequest["dcql_query"]): Record<string, unknown> {
  const claims: Record<string, unknown> = {};
  for (const { claims: asked = [] } of credentials) {
    for (const { path } of asked) {
      const name = String(path[path.length - 1] ?? "claim");
      claims[name] = /^(is_|has_)|age_over|over_\d+/.test(name) ? true : `${name.replaceAll("_", " ")} of Alice`;
    }
  }
  return claims;
}

import { randomId, randomNonce } from "../../core/crypto";

/** What a verifier's client asks for: the part of the management API's request body that is used here. */
export interface VerificationRequest {
  dcql_query: { credentials: CredentialQuery[] };
  accepted_issuer_dids?: string[];
  response_mode?: string;
  jwt_secured_authorization_request?: boolean;
}

export interface CredentialQuery {
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

/** The verifications of the mock verifier, in memory. An expired one is not found any more. */
export interface VerificationStore {
  create(request: VerificationRequest): Verification;
  find(id: string): Verification | undefined;
  /** Records a wallet's answer. @returns false when there is none to answer, or it has been answered before */
  answer(id: string, response: WalletResponse): boolean;
  /** Makes one expire now. */
  expire(id: string): void;
  all(): Verification[];
}

export function createVerificationStore(ttlSeconds: number): VerificationStore {
  const byId = new Map<string, Verification>();
  const find = (id: string) => {
    const found = byId.get(id);
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
      byId.set(verification.id, verification);
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
      const found = byId.get(id);
      if (found !== undefined) found.expiresAtMs = 0;
    },
    all: () => [...byId.values()],
  };
}

/** Invented claims that satisfy a query: what the mock wallet shows. */
export function sampleClaims({ credentials }: VerificationRequest["dcql_query"]): Record<string, unknown> {
  const claims: Record<string, unknown> = {};
  for (const { claims: queries = [] } of credentials) {
    for (const { path } of queries) {
      const name = String(path[path.length - 1] ?? "claim");
      claims[name] = /^(is_|has_)|age_over|over_\d+/.test(name) ? true : `${name.replaceAll("_", " ")} of Alice`;
    }
  }
  return claims;
}

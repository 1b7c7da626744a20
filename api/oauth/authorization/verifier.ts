import { z } from "zod";
import { TransientError } from "../../../core/errors";
import type { DcqlQuery, OAuthClient, Verdict } from "../rules";
import { credentialsContext, type Sealer } from "../secrets";

/** The verifier of a client, and how it is reached. */
export type VerifierTarget = Pick<OAuthClient, "clientId" | "verifierUrl" | "managementPath" | "sealedCredentials">;

/** How a verification stands at the verifier. A verification it no longer knows has expired. */
export type VerifierAnswer = { state: "pending" } | { state: "expired" } | { state: "closed"; verdict: Verdict };

/** The management API of a swiyu verifier. */
export interface WalletVerifier {
  /**
   * Opens a verification.
   *
   * @returns its id, and the link that opens a wallet
   * @throws TransientError `verifier.unreachable`, `verifier.refused`, `verifier.unintelligible`
   */
  create(
    target: VerifierTarget,
    asked: { query: DcqlQuery; acceptedIssuers: string[] },
  ): Promise<{ verificationId: string; deepLink: string }>;
  /** @throws TransientError as `create` */
  read(target: VerifierTarget, verificationId: string): Promise<VerifierAnswer>;
}

/** Wallets' own schemes, and web links; anything else, `javascript:` above all, does not become a link on our page. */
const LINK = /^(swiyu-verify|swiyu|openid4vp|haip|haip-vp|eudi-openid4vp|https?):/i;
const ANSWER_LIMIT_BYTES = 1_048_576;

const created = z.looseObject({
  id: z.string().min(1).max(200),
  verification_deeplink: z.string().max(4_096).regex(LINK, "is no link that opens a wallet"),
});

const text = z.string().max(2_000).nullish();
const answer = z.looseObject({
  id: z.string(),
  // The diagram writes Success, the verifier SUCCESS.
  state: z
    .string()
    .transform((state) => state.toUpperCase())
    .pipe(z.enum(["PENDING", "SUCCESS", "FAILED"])),
  wallet_response: z
    .looseObject({ error_code: text, error_description: text, credential_subject_data: z.unknown().optional() })
    .nullish(),
});

/** Speaks with swiyu verifiers. */
export function openWalletVerifier({ sealer, timeoutMs }: { sealer: Sealer; timeoutMs: number }): WalletVerifier {
  async function ask(target: VerifierTarget, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const url = target.verifierUrl.replace(/\/+$/, "") + target.managementPath + path;
    const headers = new Headers({ accept: "application/json" });
    if (body !== undefined) headers.set("content-type", "application/json");
    if (target.sealedCredentials !== null) {
      headers.set(...splitHeader(await sealer.open(target.sealedCredentials, credentialsContext(target))));
    }
    try {
      const response = await fetch(url, {
        ...{ method: body === undefined ? "GET" : "POST", headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // Credentials must not follow a redirect to somebody else.
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: response.status, text: await readLimited(response) };
    } catch (error) {
      const why =
        error instanceof Error && error.name === "TimeoutError"
          ? `did not answer within ${timeoutMs} ms`
          : "cannot be reached";
      throw new TransientError("verifier.unreachable", `The verifier ${why}.`, { cause: error });
    }
  }

  return {
    async create(target, { query, acceptedIssuers }) {
      const { status, text } = await ask(target, "", {
        dcql_query: query,
        ...(acceptedIssuers.length > 0 && { accepted_issuer_dids: acceptedIssuers }),
        response_mode: "direct_post.jwt",
        jwt_secured_authorization_request: true,
      });
      if (status < 200 || status >= 300) throw refused(status);
      const { id, verification_deeplink } = parse(created, text);
      return { verificationId: id, deepLink: verification_deeplink };
    },
    async read(target, verificationId) {
      const { status, text } = await ask(target, `/${encodeURIComponent(verificationId)}`);
      if (status === 404) return { state: "expired" };
      if (status !== 200) throw refused(status);
      const { id, state, wallet_response: wallet } = parse(answer, text);
      if (id !== verificationId) throw unintelligible("it spoke of another verification");
      if (state === "PENDING") return { state: "pending" };
      if (state === "SUCCESS") {
        return { state: "closed", verdict: { result: "verified", claims: wallet?.credential_subject_data ?? {} } };
      }
      const { error_code: errorCode = null, error_description: errorDescription = null } = wallet ?? {};
      return { state: "closed", verdict: { result: "failed", errorCode, errorDescription } };
    },
  };
}

/** Splits `Name: value`. */
export function splitHeader(line: string): [string, string] {
  const split = line.indexOf(":");
  return [line.slice(0, split).trim(), line.slice(split + 1).trim()];
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > ANSWER_LIMIT_BYTES) throw new Error(`The answer is longer than ${ANSWER_LIMIT_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

// Every refusal may pass, a wrong password included: an operator mends it while the session waits.
function refused(status: number): TransientError {
  return new TransientError("verifier.refused", `The verifier answered ${status}.`);
}

function unintelligible(why: string): TransientError {
  return new TransientError("verifier.unintelligible", `The verifier's answer is not understood: ${why}.`);
}

/** The answer holds what a person showed: no part of it may reach a log. */
function parse<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Without its cause: that quotes the text.
    throw unintelligible("it is no JSON");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw unintelligible(`faulty are ${parsed.error.issues.map(({ path }) => path.join(".")).join(", ")}`);
}

import { z } from "zod";
import { assertNever, TransientError } from "../../../core/errors";
import { readBodyWithin } from "../../../core/readBody";
import type { DcqlQuery, OAuthClient } from "../clients/rules";
import type { VerificationResult } from "../rules";
import { credentialsContext, type Sealer } from "../clients/sealer";

/** The verifier of a client, and how it is reached. */
export type VerifierTarget = Pick<OAuthClient, "clientId" | "verifierUrl" | "managementPath" | "sealedCredentials">;

/** The state of a verification at the verifier. One that the verifier no longer knows has expired. */
export type VerificationState =
  { state: "pending" } | { state: "expired" } | { state: "closed"; result: VerificationResult };

/** A verifier that asks wallets: elsewhere, by the management API of swiyu verifiers, or this process's own. */
export interface WalletVerifier {
  /**
   * Creates a verification.
   *
   * @returns its id, and the link that opens a wallet
   * @throws TransientError `verifier.unreachable`, `verifier.refused`, `verifier.unintelligible`
   */
  create(
    target: VerifierTarget,
    request: { query: DcqlQuery; acceptedIssuers: string[] },
  ): Promise<{ verificationId: string; deepLink: string }>;
  /**
   * Reads the state of a verification.
   *
   * @throws TransientError as `create`
   */
  read(target: VerifierTarget, verificationId: string): Promise<VerificationState>;
  /** Tells the verifier that its answer was stored. Again changes nothing. */
  release(target: VerifierTarget, verificationId: string): Promise<void>;
}

/** Schemes of wallets, and web links. Anything else, `javascript:` above all, must not become a link on our page. */
const LINK = /^(swiyu-verify|swiyu|openid4vp|haip|haip-vp|eudi-openid4vp|https?):/i;
const ANSWER_LIMIT_BYTES = 1_048_576;

const created = z.looseObject({
  id: z.string().min(1).max(200),
  verification_deeplink: z.string().max(4_096).regex(LINK, "is no link that opens a wallet"),
});

const text = z.string().max(2_000).nullish();
const verification = z.looseObject({
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

/** A client of the management API of swiyu verifiers. */
export function createWalletVerifier(deps: VerifierDeps): WalletVerifier {
  return {
    create: (target, request) => createVerification(deps, target, request),
    read: (target, verificationId) => readVerification(deps, target, verificationId),
    // The management API knows no such message: a verifier elsewhere erases when a verification's time is over.
    release: () => Promise.resolve(),
  };
}

interface VerifierDeps {
  sealer: Pick<Sealer, "open">;
  timeoutMs: number;
}

async function createVerification(
  deps: VerifierDeps,
  target: VerifierTarget,
  { query, acceptedIssuers }: { query: DcqlQuery; acceptedIssuers: string[] },
): Promise<{ verificationId: string; deepLink: string }> {
  const { status, text } = await send(deps, target, {
    method: "POST",
    path: "",
    body: JSON.stringify({
      dcql_query: query,
      ...(acceptedIssuers.length > 0 && { accepted_issuer_dids: acceptedIssuers }),
      response_mode: "direct_post.jwt",
      jwt_secured_authorization_request: true,
    }),
  });
  if (status < 200 || status >= 300) throw errorStatus(status);
  const { id, verification_deeplink } = parse(created, text);
  return { verificationId: id, deepLink: verification_deeplink };
}

async function readVerification(
  deps: VerifierDeps,
  target: VerifierTarget,
  verificationId: string,
): Promise<VerificationState> {
  const path = `/${encodeURIComponent(verificationId)}`;
  const { status, text } = await send(deps, target, { method: "GET", path, body: null });
  if (status === 404) return { state: "expired" };
  if (status !== 200) throw errorStatus(status);
  const { id, state, wallet_response: wallet } = parse(verification, text);
  if (id !== verificationId) throw unintelligible("it spoke of another verification");
  switch (state) {
    case "PENDING":
      return { state: "pending" };
    case "SUCCESS":
      return { state: "closed", result: { status: "verified", claims: wallet?.credential_subject_data ?? {} } };
    case "FAILED": {
      const { error_code: errorCode = null, error_description: errorDescription = null } = wallet ?? {};
      return { state: "closed", result: { status: "failed", errorCode, errorDescription } };
    }
    default:
      return assertNever(state);
  }
}

async function send(
  { sealer, timeoutMs }: VerifierDeps,
  target: VerifierTarget,
  { method, path, body }: { method: "GET" | "POST"; path: string; body: string | null },
): Promise<{ status: number; text: string }> {
  const { verifierUrl } = target;
  if (verifierUrl === null) throw new TypeError("the client has no verifier elsewhere");
  const url = verifierUrl.replace(/\/+$/, "") + target.managementPath + path;
  const headers = new Headers({ accept: "application/json" });
  if (body !== null) headers.set("content-type", "application/json");
  if (target.sealedCredentials !== null) {
    headers.set(
      ...splitHeader(
        await sealer.open(target.sealedCredentials, credentialsContext({ clientId: target.clientId, verifierUrl })),
      ),
    );
  }
  try {
    // Credentials must not follow a redirect to another host.
    const response = await fetch(url, {
      method,
      headers,
      body,
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, text: await readBodyWithin(response, ANSWER_LIMIT_BYTES) };
  } catch (error) {
    const isTimeout = error instanceof Error && error.name === "TimeoutError";
    const reason = isTimeout ? `did not answer within ${timeoutMs} ms` : "cannot be reached";
    throw new TransientError("verifier.unreachable", `The verifier ${reason}.`, { cause: error });
  }
}

/** Splits `Name: value`. */
function splitHeader(line: string): [name: string, value: string] {
  const split = line.indexOf(":");
  return [line.slice(0, split).trim(), line.slice(split + 1).trim()];
}

// Every error status may pass, a wrong password included: an operator may correct it while the session waits.
function errorStatus(status: number): TransientError {
  return new TransientError("verifier.refused", `The verifier answered ${status}.`);
}

function unintelligible(reason: string): TransientError {
  return new TransientError("verifier.unintelligible", `The verifier's answer is not understood: ${reason}.`);
}

/** Parses an answer. It holds a person's claims: no part of it may reach a log. */
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
  throw unintelligible(`invalid are ${parsed.error.issues.map(({ path }) => path.join(".")).join(", ")}`);
}

import type { Context } from "../../process/context";
import { defineEndpoint, type Endpoint, type EndpointLimit, type RejectionDescription } from "../http/endpoint";
import {
  listAllRequests,
  listRequests,
  listVerifications,
  readVerification,
  requestVerification,
  type VerificationDeps,
} from "./actions";
import type { ListAlertsDeps } from "./alerts/actions";
import { alertEndpoints } from "./alerts/routes";
import { confirm, type ConfirmDeps } from "./confirmation/actions";
import { type AnsweredRequestDeps, findAnsweredRequest } from "./confirmation/answeredRequest";
import * as shapes from "./schemas";
import type { DeclineDeps } from "./decline/actions";
import { declineEndpoint } from "./decline/routes";
import type { ReadUsageDeps } from "./usage/actions";
import { DID_DEACTIVATED, usageEndpoints } from "./usage/routes";
import { VERIFIER_UNKNOWN, type VerifierRouteDeps, verifierEndpoints } from "./verifiers/routes";

/** Answers of one address: more than an honest wallet makes, and few enough that guessing leads nowhere. */
const CONFIRM_LIMIT: EndpointLimit = { name: "verify-confirm", limit: 600, windowSeconds: 60, by: "address" };

const CREDENTIAL_UNKNOWN: RejectionDescription = {
  code: "credential.unknown",
  kind: "not_found",
  meaning: "There is no such credential here.",
};
const VERIFICATION_UNKNOWN: RejectionDescription = {
  code: "verification.unknown",
  kind: "not_found",
  meaning: "There is no such verification, or it is another verifier's.",
};
const NONE_PENDING: RejectionDescription = {
  code: "verification.none_pending",
  kind: "not_found",
  meaning: "No verifier asks for this credential right now.",
};
const SIGNATURE_MALFORMED: RejectionDescription = {
  code: "signature.malformed",
  kind: "invalid",
  meaning: "The signature has no accepted form, or a high s; nothing was consumed.",
};
const PRESENTATION_REJECTIONS: RejectionDescription[] = [
  {
    code: "verification.holder_mismatch",
    kind: "forbidden",
    meaning: "Check 1: the signature is not that of the holder. Nothing else is told.",
  },
  {
    code: "verification.subject_deactivated",
    kind: "gone",
    meaning: "Check 1: the holder's DID was deactivated. Nothing else is told.",
  },
  { code: "verification.challenge_consumed", kind: "conflict", meaning: "Check 2: the challenge was answered before." },
  { code: "verification.challenge_expired", kind: "gone", meaning: "Check 2: the challenge is too old." },
  {
    code: "verification.issuer_not_accredited",
    kind: "forbidden",
    meaning: "Check 3: the chain does not accredit the issuer.",
  },
  {
    code: "verification.issuer_signature_invalid",
    kind: "forbidden",
    meaning: "Check 4: it is not what the issuer signed.",
  },
  { code: "verification.credential_expired", kind: "gone", meaning: "Check 5: the credential expired." },
  { code: "verification.credential_revoked", kind: "gone", meaning: "Check 6: the credential is revoked." },
  { code: "verification.credential_suspended", kind: "conflict", meaning: "Check 6: the credential is suspended." },
  { code: "verification.already_used", kind: "conflict", meaning: "Check 7: its uses are used up." },
];

/** What the endpoints of verification need. */
export type VerificationRouteDeps = VerificationDeps &
  ConfirmRouteDeps &
  VerifierRouteDeps &
  DeclineDeps &
  ReadUsageDeps &
  ListAlertsDeps;

interface ConfirmRouteDeps extends ConfirmDeps, Omit<AnsweredRequestDeps, "verifications"> {
  verifications: ConfirmDeps["verifications"] & AnsweredRequestDeps["verifications"];
  config: Pick<Context["config"], "sessions">;
}

/** Verifying credentials, and reading who did. */
export function verificationEndpoints(deps: VerificationRouteDeps): Endpoint[] {
  return [
    ...verifierEndpoints(deps),
    ...requestEndpoints(deps),
    listEndpoint(deps),
    listRequestsEndpoint(deps),
    listAllRequestsEndpoint(deps),
    confirmEndpoint(deps),
    readEndpoint(deps),
    declineEndpoint(deps),
    ...usageEndpoints(deps),
    ...alertEndpoints(deps),
  ];
}

/** One operation under two names: requirements speak of `/credentials/verify`. */
function requestEndpoints(deps: VerificationDeps): Endpoint[] {
  return ["/verify", "/credentials/verify"].map((path) => requestEndpoint(deps, path));
}

function requestEndpoint(deps: VerificationDeps, path: string): Endpoint {
  return defineEndpoint({
    method: "post",
    path,
    tag: "Verification",
    summary: "Open a verification",
    description:
      "The answer holds the challenge for the holder to sign; a holder with a session finds it at /verify/request, too. `/verify` and `/credentials/verify` are the same.",
    auth: "verifier",
    body: shapes.openBody,
    replies: { 201: { description: "The verification; it waits for the holder.", schema: shapes.openReply } },
    rejections: [
      CREDENTIAL_UNKNOWN,
      VERIFIER_UNKNOWN,
      {
        code: "verification.too_many_open",
        kind: "too_many",
        meaning: "Too many verifications of the verifier wait for their holders.",
      },
    ],
    handle: async ({ body, caller }) => {
      const presented = shapes.presentedOf(body);
      const { verification, credential } = await requestVerification(deps, { verifierId: caller.accountId, presented });
      return { status: 201, body: shapes.showRequested(verification, credential) };
    },
  });
}

function listEndpoint(deps: VerificationDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/verify",
    tag: "Verification",
    summary: "List what the caller asked for",
    description: "The newest first, of one status or credential where given.",
    auth: "verifier",
    query: shapes.ownQuery,
    replies: { 200: { description: "One page.", schema: shapes.ownReply } },
    rejections: [{ code: "verification.cursor_invalid", kind: "invalid", meaning: "The cursor is none of ours." }],
    handle: async ({ query, caller }) => {
      const { cursor, limit, ...filter } = query;
      const before = cursor === undefined ? null : shapes.readCursor(cursor);
      const asked = { ...filter, verifierId: caller.accountId, page: { limit, before } };
      const { views, last } = await listVerifications(deps, asked);
      const next = last === undefined ? null : shapes.writeCursor(last);
      return { status: 200, body: { verifications: views.map(shapes.showOwn), next } };
    },
  });
}

function listRequestsEndpoint(deps: VerificationDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/verify/request",
    tag: "Verification",
    summary: "Read what a verifier asks of one's credential",
    auth: "session",
    query: shapes.requestQuery,
    replies: { 200: { description: "The newest request, and others beside it.", schema: shapes.requestReply } },
    rejections: [CREDENTIAL_UNKNOWN, DID_DEACTIVATED, NONE_PENDING],
    handle: async ({ query, caller }) => {
      const { credential, requests } = await listRequests(deps, {
        userId: caller.userId,
        credentialId: query.credentialId,
      });
      return { status: 200, body: shapes.showRequests(credential, requests) };
    },
  });
}

function listAllRequestsEndpoint(deps: VerificationDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/verify/requests",
    tag: "Verification",
    summary: "List what verifiers ask of all of one's credentials",
    description:
      "The requests that wait for an answer, at most 100; where verifiers ask for more, the newest of each come first.",
    auth: "session",
    limit: { name: "verification-requests", limit: 120, windowSeconds: 60, by: "user" },
    replies: { 200: { description: "The requests.", schema: shapes.requestsReply } },
    handle: async ({ caller }) => ({
      status: 200,
      body: { requests: (await listAllRequests(deps, caller.userId)).map(shapes.showOpenRequest) },
    }),
  });
}

function confirmEndpoint(deps: ConfirmRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/verify/confirm",
    tag: "Verification",
    summary: "Present a credential by answering a challenge",
    description:
      "Runs the seven checks; when all pass, one use of the credential is taken. Repeating a confirmation that was decided on gives the same answer, in whatever encoding its signature comes. A rejection names every check in `checks`; before the holder's signature over a fresh challenge holds, it says nothing of the credential. Instead of the verification, a holder may name the credential, by its id or as its JWT: that answers the newest open request whose challenge was signed, and a signature that answers none decides none.",
    auth: "none",
    body: shapes.confirmBody,
    limit: deps.config.sessions.limitLogins ? CONFIRM_LIMIT : undefined,
    replies: { 200: { description: "Verified.", schema: shapes.verificationReply } },
    rejections: [
      VERIFICATION_UNKNOWN,
      CREDENTIAL_UNKNOWN,
      NONE_PENDING,
      {
        code: "credential.altered",
        kind: "invalid",
        meaning: "The credential is not the one that was issued under its id; nothing was consumed.",
      },
      SIGNATURE_MALFORMED,
      ...PRESENTATION_REJECTIONS,
    ],
    handle: async ({ body }, { ip }) => {
      const { signature } = body;
      const answers = shapes.answersOf(body);
      const answered = await findAnsweredRequest(deps, { answers, signature, presenterDid: body.presenterDid });
      return { status: 200, body: shapes.showPresentation(await confirm(deps, { ...answered, signature, ip })) };
    },
  });
}

function readEndpoint(deps: VerificationDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/verify/:id",
    tag: "Verification",
    summary: "Read what became of a verification",
    auth: "verifier",
    params: shapes.verificationParams,
    query: shapes.getQuery,
    waits: ({ query }) => query.waitSeconds > 0,
    replies: {
      200: {
        description: "Its status, every check by name, and the credential's content once verified.",
        schema: shapes.verificationReply,
      },
    },
    rejections: [VERIFICATION_UNKNOWN],
    handle: async ({ params, query, caller }, { signal }) => {
      const { waitSeconds } = query;
      const view = await readVerification(deps, {
        verifierId: caller.accountId,
        verificationId: params.id,
        waitSeconds,
        signal,
      });
      return { status: 200, body: shapes.showVerification(view) };
    },
  });
}

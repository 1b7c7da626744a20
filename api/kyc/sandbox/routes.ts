import { DomainError } from "../../../core/errors";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { FORM_MEDIA_TYPE } from "../../http/form";
import { isUnderReview } from "../rules";
import { sandboxParams } from "../schemas";
import {
  decideSandboxSession,
  findSandboxSession,
  SANDBOX_BEHAVIOURS,
  SANDBOX_DECISIONS,
  type SandboxDeps,
} from "./actions";
import { PAGE_CSP, renderPage } from "./page";

const TAG = "KYC sandbox";
const FORM_LIMIT_BYTES = 4_096;
const PAGE_HEADERS = { "content-type": "text/html; charset=utf-8", "content-security-policy": PAGE_CSP };

const notFound: RejectionDescription = {
  code: "kyc_sandbox.not_found",
  kind: "not_found",
  meaning: "The sandbox has no such session.",
};

/** The sandbox provider's page; for developers' machines alone. */
export function sandboxEndpoints(deps: SandboxDeps & { returnUrl: string }): Endpoint[] {
  const path = "/sandbox/kyc/:sessionId";
  return [
    defineEndpoint({
      method: "get",
      path,
      tag: TAG,
      summary: "The sandbox provider's page",
      auth: "none",
      params: sandboxParams,
      replies: { 200: { description: "A page with five decisions.", mediaType: "text/html" } },
      rejections: [notFound],
      handle: async ({ params }) => {
        const session = await findSandboxSession(deps, params.sessionId);
        const isDecided = ["approved", "declined", "expired", "canceled"].includes(session.substatus);
        const isOpen = !isDecided && (isUnderReview(session) || session.expiresAt > deps.clock.now());
        return {
          status: 200,
          headers: PAGE_HEADERS,
          body: renderPage(session, { isOpen, returnUrl: deps.returnUrl }),
        };
      },
    }),
    defineEndpoint({
      method: "post",
      path,
      tag: TAG,
      summary: "Decide a sandbox session",
      description:
        `The page's form: \`decision\` (${SANDBOX_DECISIONS.join(", ")}) and \`behaviour\` ` +
        `(${SANDBOX_BEHAVIOURS.join(", ")}), which is how the decision is reported by webhook.`,
      auth: "none",
      params: sandboxParams,
      rawBody: { limitBytes: FORM_LIMIT_BYTES, mediaType: FORM_MEDIA_TYPE },
      replies: { 303: { description: "Decided; back to the page." } },
      rejections: [
        notFound,
        { code: "kyc_sandbox.closed", kind: "conflict", meaning: "The session is closed already." },
        { code: "kyc_sandbox.unknown_decision", kind: "invalid", meaning: "No such decision or behaviour." },
      ],
      handle: async ({ params, body }) => {
        await decideSandboxSession(deps, { ...params, ...parseForm(body) });
        return { status: 303, headers: { location: `/sandbox/kyc/${params.sessionId}` } };
      },
    }),
  ];
}

function parseForm(body: Buffer) {
  const form = new URLSearchParams(body.toString("utf8"));
  const decision = SANDBOX_DECISIONS.find((known) => known === form.get("decision"));
  const behaviour = SANDBOX_BEHAVIOURS.find((known) => known === (form.get("behaviour") ?? "normal"));
  if (decision !== undefined && behaviour !== undefined) return { decision, behaviour };
  const known = `decision: ${SANDBOX_DECISIONS.join(", ")}; behaviour: ${SANDBOX_BEHAVIOURS.join(", ")}`;
  throw new DomainError("kyc_sandbox.unknown_decision", "invalid", `The form is not understood. Known are ${known}.`);
}

import type { Context } from "../../process/context";
import { defineEndpoint, type Endpoint, type EndpointLimit, type RejectionDescription } from "../http/endpoint";
import { PAYMENT_REJECTIONS } from "../http/paymentRejections";
import { type ControlDeps, getOperation, prepareConsent, submitConsent } from "./actions";
import { REGISTRY_REJECTIONS } from "./rejections";
import { CONTROL_TYPES, type ControlType, powerOf } from "./rules";
import * as shapes from "./schemas";

export interface ControlEndpointDeps extends ControlDeps {
  config: Pick<Context["config"], "http" | "sessions" | "spending">;
}

const TAG = "Control";

const SUMMARIES: Record<ControlType, { summary: string; description: string }> = {
  NameSuccessor: {
    summary: "Name a successor",
    description:
      "Commits an identity to an account that alone can take control of it from then on (pre-rotation). Only the commitment is sent: neither Cairn nor the chain learns the successor.",
  },
  RotateController: {
    summary: "Take control as the named successor",
    description:
      "For whoever holds the successor's key, with no account and no session: the signature is the authority. All delegations and earlier consents end.",
  },
  ChangeController: {
    summary: "Hand an identity to another account",
    description: "While no successor is named. The former controller has no power over the identity from then on.",
  },
  CancelNonces: {
    summary: "Make consents worthless that were signed and not used",
    description: "Uses up the controller's nonce, which every consent asked for until now carries.",
  },
};

const didRejections: RejectionDescription[] = [
  { code: "did.invalid", kind: "invalid", meaning: "It is no DID of this registry." },
  { code: "did.method_not_supported", kind: "not_implemented", meaning: "It is a DID of another method." },
];

const controllerRejections: RejectionDescription[] = [
  {
    code: "control.signer_not_linked",
    kind: "forbidden",
    meaning: "The identity's controller is no wallet of the caller's account.",
  },
  {
    code: "control.anchoring_pending",
    kind: "conflict",
    meaning: "The DID is being anchored with a consent of the same nonce.",
  },
];

const pending: RejectionDescription = {
  code: "control.pending",
  kind: "conflict",
  meaning: "Another operation for this identity is under way.",
};

/** Of two errors of the registry that say the same to a person, one. */
const registryRejections: RejectionDescription[] = Object.values(REGISTRY_REJECTIONS)
  .filter(([code], index, all) => all.findIndex(([other]) => other === code) === index)
  .map(([code, kind, meaning]) => ({ code, kind, meaning }));

/** Changes of control by typed data: asked for, signed, handed in, followed. */
export function controlEndpoints(deps: ControlEndpointDeps): Endpoint[] {
  return [
    ...CONTROL_TYPES.flatMap((type) => [typedDataEndpoint(deps, type), consentEndpoint(deps, type)]),
    operationEndpoint(deps),
  ];
}

function typedDataEndpoint(deps: ControlEndpointDeps, type: ControlType): Endpoint {
  const path = shapes.PATHS[type];
  const { summary, description } = SUMMARIES[type];
  return defineEndpoint({
    method: "post",
    path: `/control/${path}/typed-data`,
    tag: TAG,
    summary: `${summary}: the typed data to sign`,
    description: `${description} Sign \`typedData\`, put the signature into \`consent\`, and hand in the rest with it.`,
    auth: authOf(type),
    body: shapes.questionBody(type),
    limit: limitOf(deps, type, { name: `control-${path}-typed-data`, limit: 60, windowSeconds: 60 }),
    replies: { 200: { description: "What to sign.", schema: shapes.preparedReply(type) } },
    rejections: [...rejectionsBefore(type), pending, ...registryRejections],
    handle: async ({ body, caller }) => {
      const prepared = await prepareConsent(deps, { ...body, userId: caller?.userId ?? null });
      return { status: 200, body: shapes.showPrepared(body, prepared) };
    },
  });
}

function consentEndpoint(deps: ControlEndpointDeps, type: ControlType): Endpoint {
  const path = shapes.PATHS[type];
  const { summary, description } = SUMMARIES[type];
  return defineEndpoint({
    method: "post",
    path: `/control/${path}`,
    tag: TAG,
    summary,
    description: `${description} The relayer sends it and pays; handed in again, the same consent is the same operation.`,
    auth: authOf(type),
    body: shapes.consentBody(type),
    limit: limitOf(deps, type, { name: `control-${path}`, limit: 30, windowSeconds: 60 * 60 }),
    replies: { 202: { description: "The operation, to be followed.", schema: shapes.operationReply } },
    rejections: [
      ...rejectionsBefore(type),
      pending,
      ...registryRejections,
      { code: "control.refused", kind: "conflict", meaning: "The registry refuses it for another reason." },
      {
        code: "control.attempts_used_up",
        kind: "conflict",
        meaning: "This consent was sent several times and came to nothing.",
      },
      ...PAYMENT_REJECTIONS,
      {
        code: "control.budget_used_up",
        kind: "too_many",
        meaning: "The relayer pays for no more changes of this identity's control today.",
      },
    ],
    handle: async ({ body, caller }, { requestId }) => {
      const { did, change, consent } = body;
      const userId = caller?.userId ?? null;
      const operation = await submitConsent(deps, { did, change, consent, userId, requestId });
      const headers = { location: `${deps.config.http.publicUrl}/control/operations/${operation.operationId}` };
      return { status: 202, body: shapes.showOperation(operation, deps.chain.deployment.didMethod), headers };
    },
  });
}

function operationEndpoint(deps: ControlEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/control/operations/:id",
    tag: TAG,
    summary: "Follow a change of control",
    description: "For whoever knows the id, which is the digest that was signed.",
    auth: "none",
    params: shapes.operationParams,
    replies: { 200: { description: "How far it is.", schema: shapes.operationReply } },
    rejections: [{ code: "control.operation_unknown", kind: "not_found", meaning: "There is no such operation." }],
    handle: async ({ params }) => {
      const operation = await getOperation(deps, params.id);
      return { status: 200, body: shapes.showOperation(operation, deps.chain.deployment.didMethod) };
    },
  });
}

/** A controller links a wallet; a successor may have nothing but its key. */
function authOf(type: ControlType): "session" | "none" {
  return powerOf(type) === "successor" ? "none" : "session";
}

function limitOf(
  { config }: ControlEndpointDeps,
  type: ControlType,
  policy: Omit<EndpointLimit, "by">,
): EndpointLimit | undefined {
  if (!config.sessions.limitLogins) return undefined;
  return { ...policy, by: powerOf(type) === "successor" ? "address" : "user" };
}

/** What can be said before anybody signs. */
function rejectionsBefore(type: ControlType): RejectionDescription[] {
  return powerOf(type) === "successor" ? didRejections : [...didRejections, ...controllerRejections];
}

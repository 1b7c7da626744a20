import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { VerifierContext } from "./context";
import { type HttpAnswer, readBody, sendAnswer } from "./httpAnswer";
import { answerManagementRequest, MANAGEMENT_PATH } from "./management";
import { createVerificationStore, type VerificationStore } from "./verifications";
import { answerAsWallet, answerRequestObject, receiveResponse, type WalletDecision } from "./walletApi";
import { renderWalletNotFound, renderWalletPage, WALLET_PAGE_HEADERS } from "./walletPage";
import { createWebhookSender, type DeliveryMode, type WebhookSender, type WebhookTarget } from "./webhooks";

export interface MockVerifierOptions {
  /** A free one when absent. */
  port?: number;
  webhook?: WebhookTarget;
  /** The Authorization header that the management API requires; none when absent. */
  managementAuthorization?: string;
  /** `wallet` leads to the page on which a person answers for the wallet, `scheme` (default) to a wallet's own scheme. */
  deepLinks?: "wallet" | "scheme";
  /** How long a verification can be answered. */
  ttlSeconds?: number;
  /** Called first with each request; returns true when it answers it itself, or lets it hang. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A running mock of a swiyu verifier. */
export interface MockVerifier {
  url: string;
  verifications: VerificationStore;
  webhooks: WebhookSender;
  /** Answers a verification as a wallet would, and sends the webhook about it; see {@link answerAsWallet}. */
  answerAsWallet(id: string, decision: WalletDecision, delivery?: DeliveryMode): boolean;
  close(): Promise<void>;
}

const CLIENT_ID = "decentralized_identifier:did:example:mock-verifier";

/**
 * Starts a mock of a swiyu verifier: its management API, its wallet API, its webhook, and a page on which a person
 * answers for the wallet. It verifies nothing and is for development and tests alone.
 */
export async function startMockVerifier(options: MockVerifierOptions = {}): Promise<MockVerifier> {
  const server = createServer();
  const url = await listen(server, options.port ?? 0);
  const context: VerifierContext = {
    url,
    clientId: CLIENT_ID,
    verifications: createVerificationStore(options.ttlSeconds ?? 900),
    webhooks: createWebhookSender(options.webhook),
    managementAuthorization: options.managementAuthorization,
    deepLinkBase: options.deepLinks === "wallet" ? `${url}/wallet` : "swiyu-verify://",
  };
  server.on("request", (request, response) => {
    if (options.intercept?.(request, response) !== true) sendAnswer(response, answer(context, request));
  });
  const { verifications, webhooks } = context;
  return {
    url,
    verifications,
    webhooks,
    answerAsWallet: (id, decision, delivery = "once") => answerAsWallet(context, { id, decision, delivery }),
    async close() {
      await webhooks.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

async function answer(context: VerifierContext, request: IncomingMessage): Promise<HttpAnswer> {
  const { pathname, searchParams } = new URL(request.url ?? "/", context.url);
  if (pathname.startsWith(MANAGEMENT_PATH)) return answerManagementRequest(context, { request, pathname });
  const route = `${request.method ?? "GET"} ${pathname}`;
  const wallet = /^(?:GET|POST) \/oid4vp\/api\/request-object\/([^/]+)(\/response-data)?$/.exec(route);
  if (wallet !== null) {
    const [, id = "", response] = wallet;
    return response === undefined ? answerRequestObject(context, id) : receiveResponse(context, { id, request });
  }
  if (route === "GET /wallet") return walletPage(context, searchParams.get("request_uri")?.split("/").pop() ?? "");
  const page = /^(GET|POST) \/wallet\/([^/]+)$/.exec(route);
  if (page === null) return { status: 404, body: { detail: "There is no such endpoint." } };
  const [, method, id = ""] = page;
  return method === "POST" ? receiveDecision(context, { id, request }) : walletPage(context, id);
}

function walletPage({ verifications }: VerifierContext, id: string): HttpAnswer {
  const found = verifications.find(id);
  if (found === undefined) return { status: 404, headers: WALLET_PAGE_HEADERS, body: renderWalletNotFound() };
  return { status: 200, headers: WALLET_PAGE_HEADERS, body: renderWalletPage(found) };
}

/** The form of the wallet page. */
async function receiveDecision(
  context: VerifierContext,
  { id, request }: { id: string; request: IncomingMessage },
): Promise<HttpAnswer> {
  const form = new URLSearchParams(await readBody(request));
  const decision = decisionOf(form.get("decision"));
  answerAsWallet(context, { id, decision, delivery: deliveryOf(form.get("webhook")) });
  return { status: 303, headers: { location: `/wallet/${id}` } };
}

function decisionOf(text: string | null): WalletDecision {
  return text === "show" || text === "untrusted" ? text : "decline";
}

function deliveryOf(text: string | null): DeliveryMode {
  return text === "twice" || text === "lost" ? text : "once";
}

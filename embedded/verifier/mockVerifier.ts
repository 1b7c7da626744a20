import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf } from "../../core/errors";
import { requestObject } from "./requestObject";
import {
  createVerificationStore,
  sampleClaims,
  type Verification,
  type VerificationRequest,
  type VerificationStore,
} from "./verifications";
import { renderWalletNotFound, renderWalletPage, WALLET_PAGE_HEADERS } from "./walletPage";
import { createWebhookSender, type DeliveryMode, type WebhookSender, type WebhookTarget } from "./webhooks";

export interface MockVerifierOptions {
  /** A free one when absent. */
  port?: number;
  webhook?: WebhookTarget;
  /** What the management API wants as Authorization header; nothing when absent. */
  managementAuthorization?: string;
  /** `wallet` leads to the page where a person plays the wallet; a wallet's own scheme, as in earnest, when absent. */
  deepLinks?: "wallet" | "scheme";
  /** How long a verification lives. */
  ttlSeconds?: number;
  /** Asked first: a test may answer instead, or not at all. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A running stand-in for a swiyu verifier. */
export interface MockVerifier {
  url: string;
  verifications: VerificationStore;
  webhooks: WebhookSender;
  /** What a wallet would do: answers a verification, of which the verifier then tells. */
  answerAsWallet(id: string, decision: WalletDecision, manner?: DeliveryMode): boolean;
  close(): Promise<void>;
}

export type WalletDecision = "show" | "decline" | "untrusted";

const MANAGEMENT = "/management/api/verifications";
const CLIENT_ID = "decentralized_identifier:did:example:stand-in";
const BODY_LIMIT_BYTES = 262_144;

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/**
 * Starts a stand-in for a swiyu verifier: its management API, its wallet side, its webhook, and a page on which a
 * person plays the wallet. It verifies nothing and is for development and tests alone.
 */
export async function startMockVerifier(options: MockVerifierOptions = {}): Promise<MockVerifier> {
  const verifications = createVerificationStore(options.ttlSeconds ?? 900);
  const webhooks = createWebhookSender(options.webhook);
  const server = createServer((request, response) => {
    if (options.intercept?.(request, response) === true) return;
    answer(request).then(
      ({ status, headers, body }) => {
        const text = typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body);
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(text);
      },
      (error: unknown) =>
        response
          .writeHead(400, { "content-type": "application/json" })
          .end(JSON.stringify({ detail: messageOf(error) })),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;

  function answerAsWallet(id: string, decision: WalletDecision, manner?: DeliveryMode): boolean {
    const found = verifications.find(id);
    if (found === undefined) return false;
    const response =
      decision === "show"
        ? { credential_subject_data: sampleClaims(found.request.dcql_query) }
        : decision === "decline"
          ? { error_code: "client_rejected", error_description: "The holder declined." }
          : { error_code: "issuer_not_accepted", error_description: "The issuer is not among those accepted." };
    if (!verifications.answer(id, response)) return false;
    webhooks.send(id, manner);
    return true;
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? "/", url);
    const route = `${request.method ?? "GET"} ${pathname}`;
    if (pathname.startsWith(MANAGEMENT)) return manage(request, pathname);
    const wallet = /^(GET|POST) \/oid4vp\/api\/request-object\/([^/]+)(\/response-data)?$/.exec(route);
    if (wallet !== null) return walletSide(request, wallet[2] ?? "", wallet[3] !== undefined);
    if (route === "GET /wallet") return walletPage(searchParams.get("request_uri")?.split("/").pop() ?? "");
    const played = /^(GET|POST) \/wallet\/([^/]+)$/.exec(route);
    if (played === null) return { status: 404, body: { detail: "There is nothing here." } };
    const id = played[2] ?? "";
    if (played[1] === "POST") {
      const form = new URLSearchParams(await readBody(request));
      answerAsWallet(id, decisionOf(form.get("decision")), mannerOf(form.get("webhook")));
      return { status: 303, headers: { location: `/wallet/${id}` } };
    }
    return walletPage(id);
  }

  async function manage(request: IncomingMessage, pathname: string): Promise<Answer> {
    const { managementAuthorization: wanted } = options;
    if (wanted !== undefined && request.headers.authorization !== wanted)
      return { status: 401, body: { detail: "Unauthorized" } };
    if (request.method === "POST" && pathname === MANAGEMENT) {
      const asked = JSON.parse(await readBody(request)) as Partial<VerificationRequest>;
      if (!Array.isArray(asked.dcql_query?.credentials))
        return { status: 400, body: { detail: "dcql_query is required" } };
      return { status: 200, body: show(verifications.create(asked as VerificationRequest)) };
    }
    const found = verifications.find(pathname.slice(MANAGEMENT.length + 1));
    if (request.method !== "GET" || found === undefined)
      return { status: 404, body: { detail: "Verification not found" } };
    return { status: 200, body: show(found) };
  }

  async function walletSide(request: IncomingMessage, id: string, responding: boolean): Promise<Answer> {
    const found = verifications.find(id);
    if (found === undefined) return { status: 404, body: { detail: "Verification not found" } };
    if (!responding) {
      const { mediaType, body } = await requestObject(found, { clientId: CLIENT_ID, url });
      return { status: 200, headers: { "content-type": mediaType }, body };
    }
    const form = new URLSearchParams(await readBody(request));
    const error = form.get("error");
    const taken = verifications.answer(
      id,
      error === null
        ? { credential_subject_data: JSON.parse(form.get("vp_token") ?? "") as Record<string, unknown> }
        : { error_code: error, error_description: form.get("error_description") ?? "" },
    );
    if (!taken)
      return { status: 400, body: { error: "invalid_request", error_description: "The verification is closed." } };
    webhooks.send(id);
    return { status: 200, body: {} };
  }

  function walletPage(id: string): Answer {
    const found = verifications.find(id);
    if (found === undefined) return { status: 404, headers: WALLET_PAGE_HEADERS, body: renderWalletNotFound() };
    return { status: 200, headers: WALLET_PAGE_HEADERS, body: renderWalletPage(found) };
  }

  function show({ id, requestNonce, state, request, walletResponse }: Verification) {
    const requestUri = `${url}/oid4vp/api/request-object/${id}`;
    const parameters = new URLSearchParams({ client_id: CLIENT_ID, request_uri: requestUri });
    const base = options.deepLinks === "wallet" ? `${url}/wallet` : "swiyu-verify://";
    return {
      id,
      request_nonce: requestNonce,
      state,
      dcql_query: request.dcql_query,
      wallet_response: walletResponse,
      verification_url: requestUri,
      verification_deeplink: `${base}?${parameters.toString()}`,
    };
  }

  return {
    url,
    verifications,
    webhooks,
    answerAsWallet,
    async close() {
      await webhooks.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) throw new Error(`The body is larger than ${BODY_LIMIT_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function decisionOf(text: string | null): WalletDecision {
  return text === "show" || text === "untrusted" ? text : "decline";
}

function mannerOf(text: string | null): DeliveryMode {
  return text === "twice" || text === "lost" ? text : "once";
}

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How the next call to an operation goes wrong. */
export type Fault =
  /** An error answer, with Inji's members where they are given. */
  | { status: number; errorCode?: string }
  /** What comes instead of the answer. */
  | { malformed: string }
  /** The answer, with these members in place of its own. */
  | { changed: Record<string, unknown> }
  /** The call is done, and its answer never comes. */
  | { slow: true }
  /** The call is done, and the connection breaks. */
  | { lost: true };

export type Operation = "create" | "status" | "submit" | "result";

type VcStatus = "SUCCESS" | "INVALID" | "EXPIRED" | "REVOKED";

interface Transaction {
  requestId: string;
  transactionId: string;
  nonce: string;
  presentationDefinition: unknown;
  status: "ACTIVE" | "VP_SUBMITTED" | "EXPIRED";
  vcResults: { vc: string; verificationStatus: VcStatus }[];
  walletError: string | null;
}

/** An Inji Verify 0.15 over HTTP, and the wallets that answer it. */
export interface InjiVerify {
  /** With its path, as `PRESENTATION_INJI_URL` has it. */
  baseUrl: string;
  /** How requests are told to wallets: by value, or by reference. */
  byReference: boolean;
  /** For how long a status is held while nothing changes; as long as 55 s in the original. */
  holdMs: number;
  /** The next calls to an operation go wrong so, one after the other. */
  fail(operation: Operation, ...faults: Fault[]): void;
  /** Calls to an operation so far. */
  calls(operation: Operation): number;
  /** Bodies of `POST /vp-request` so far. */
  created: Record<string, unknown>[];
  transaction(requestId: string): Transaction | undefined;
  /** What a wallet presents; the verdict is what its credentials are called. */
  present(requestId: string, verificationStatus: VcStatus, vc?: string): void;
  /** The wallet's error in place of a presentation. */
  decline(requestId: string, error: string): void;
  expire(requestId: string): void;
  /** As after a restart with an empty database. */
  forget(requestId: string): void;
  close(): Promise<void>;
}

const BASE = "/v1/verify";

export const INJI_CREDENTIAL = JSON.stringify({
  type: ["VerifiableCredential", "IncomeTaxAccountCredential"],
  issuer: "did:web:issuer.example",
  credentialSubject: { fullName: "Ada Lovelace" },
});

export async function startInjiVerify(): Promise<InjiVerify> {
  const transactions = new Map<string, Transaction>();
  const faults = new Map<Operation, Fault[]>();
  const counts = new Map<Operation, number>();
  const created: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  const changed = () => waiting.forEach((wake) => wake());

  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const path = (request.url ?? "").replace(BASE, "");
    const [operation, answer] = await answerTo(request.method ?? "", path, body);
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
    const fault = faults.get(operation)?.shift();
    if (fault !== undefined && "slow" in fault) return;
    if (fault !== undefined && "lost" in fault) {
      response.destroy();
      return;
    }
    reply(response, ...faulty(answer, fault));
  }

  async function answerTo(
    method: string,
    path: string,
    body: string,
  ): Promise<[Operation, { status: number; body: Record<string, unknown> }]> {
    if (method === "POST" && path === "/vp-request") return ["create", create(body)];
    if (method === "POST" && path === "/vp-submission/direct-post") return ["submit", submit(body)];
    const requestId = /^\/vp-request\/([^/]+)\/status$/.exec(path)?.[1];
    if (method === "GET" && requestId !== undefined) return ["status", await status(requestId)];
    const transactionId = /^\/vp-result\/([^/]+)$/.exec(path)?.[1];
    return ["result", result(transactionId ?? "")];
  }

  function create(body: string) {
    const asked = JSON.parse(body) as Record<string, unknown>;
    created.push(asked);
    const { clientId, nonce, presentationDefinition } = asked;
    if (presentationDefinition === undefined) return rejection(400, "BOTH_ID_AND_PD_CANNOT_BE_NULL");
    const requestId = `req_${randomUUID()}`;
    const transactionId = `txn_${randomUUID()}`;
    const opened: Transaction = {
      requestId,
      transactionId,
      nonce: String(nonce),
      presentationDefinition,
      status: "ACTIVE",
      vcResults: [],
      walletError: null,
    };
    transactions.set(requestId, opened);
    const common = { transactionId, requestId, expiresAt: Date.now() + 300_000 };
    const authorizationDetails = {
      responseType: "vp_token",
      responseMode: "direct_post",
      issuedAt: Date.now(),
      clientId,
      nonce,
      presentationDefinition,
      responseUri: "/vp-submission/direct-post",
    };
    const how = verify.byReference ? { requestUri: `/vp-request/${requestId}` } : { authorizationDetails };
    return { status: 201, body: { ...common, ...how } };
  }

  async function status(requestId: string) {
    const read = () => transactions.get(requestId);
    const until = Date.now() + verify.holdMs;
    while (read()?.status === "ACTIVE" && Date.now() < until) await changeWithin(until - Date.now());
    const found = read();
    return found === undefined ? rejection(404, "NO_AUTH_REQUEST") : { status: 200, body: { status: found.status } };
  }

  function changeWithin(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      waiting.add(wake);
    });
  }

  function submit(body: string) {
    const form = new URLSearchParams(body);
    const found = transactions.get(form.get("state") ?? "");
    if (found === undefined) return rejection(404, "NO_AUTH_REQUEST");
    verify.present(found.requestId, "SUCCESS", form.get("vp_token") ?? "");
    return { status: 200, body: {} };
  }

  function result(transactionId: string) {
    const found = [...transactions.values()].find((one) => one.transactionId === transactionId);
    if (found === undefined) return rejection(404, "INVALID_TRANSACTION_ID");
    if (found.walletError !== null) return rejection(404, found.walletError);
    if (found.status !== "VP_SUBMITTED") return rejection(404, "NO_VP_SUBMISSION");
    const { vcResults } = found;
    const succeeded = vcResults.every(({ verificationStatus }) => verificationStatus === "SUCCESS");
    return { status: 200, body: { transactionId, vpResultStatus: succeeded ? "SUCCESS" : "FAILED", vcResults } };
  }

  const require = (requestId: string) => {
    const found = transactions.get(requestId);
    if (found === undefined) throw new Error("the verifier made no such request");
    return found;
  };

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const verify: InjiVerify = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${BASE}`,
    byReference: false,
    holdMs: 0,
    fail: (operation, ...next) => void faults.set(operation, [...(faults.get(operation) ?? []), ...next]),
    calls: (operation) => counts.get(operation) ?? 0,
    created,
    transaction: (requestId) => transactions.get(requestId),
    present(requestId, verificationStatus, vc = INJI_CREDENTIAL) {
      Object.assign(require(requestId), { status: "VP_SUBMITTED", vcResults: [{ vc, verificationStatus }] });
      changed();
    },
    decline(requestId, error) {
      Object.assign(require(requestId), { status: "VP_SUBMITTED", walletError: error });
      changed();
    },
    expire(requestId) {
      Object.assign(require(requestId), { status: "EXPIRED" });
      changed();
    },
    forget: (requestId) => void transactions.delete(requestId),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return verify;
}

/** The status and text of an answer, as a fault makes them. */
function faulty(
  { status, body }: { status: number; body: Record<string, unknown> },
  fault: Exclude<Fault, { slow: true } | { lost: true }> | undefined,
): [status: number, text: string] {
  if (fault === undefined) return [status, JSON.stringify(body)];
  if ("malformed" in fault) return [status, fault.malformed];
  if ("changed" in fault) return [status, JSON.stringify({ ...body, ...fault.changed })];
  const { errorCode } = fault;
  return [fault.status, errorCode === undefined ? "<h1>Error</h1>" : JSON.stringify({ errorCode, errorMessage: "x" })];
}

function rejection(status: number, errorCode: string) {
  return { status, body: { errorCode, errorMessage: errorCode.toLowerCase().replaceAll("_", " ") } };
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(text);
}

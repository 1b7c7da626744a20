import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { KycConfig } from "../../../core/config/kyc";

/** Personal data that a provider has in its webhooks and answers, and that Cairn must never store. */
export const PERSONAL = {
  firstName: "Adalbertine",
  lastName: "Quixwell-Thornbury",
  address: "17 Marrowbone Crescent",
  documentNumber: "PX99-ZK-4417",
  birthDate: "1987-11-23",
};

/** How far the review of a person is at the provider. */
export type ReviewState = "submitted" | "review" | "resubmit" | "approved" | "declined" | "expired";

/** One delivery, as it goes over the wire. */
export interface SignedDelivery {
  headers: Record<string, string>;
  body: Buffer;
}

export interface DeliveryOptions {
  /** Instead of the provider's current secret. */
  secret?: string;
  /** When it is signed, whole seconds since 1970. */
  signedAtSeconds: number;
  /** When it happened. */
  occurredAt: Date;
  /** Distinguishes deliveries of one state. */
  eventId?: string;
}

/** A mock of a provider: its real API on a server of its own, its real way to sign. */
export interface MockProvider {
  name: KycConfig["provider"];
  /** True when its webhooks sign a timestamp. */
  signsTime: boolean;
  /** How Cairn is configured for it. */
  config: Partial<KycConfig>;
  /** The secret Cairn was given first and second. */
  secrets: [string, string];
  /** How many sessions it has made for a user. */
  sessionsOf(userId: string): number;
  /** Makes its API answer with this state. */
  decide(sessionId: string, state: ReviewState): void;
  /** The webhook about a state. */
  sign(sessionId: string, state: ReviewState, options: DeliveryOptions): SignedDelivery;
  /** Headers that are signed or hold the signature: a flipped bit in one of these must be rejected. */
  signedHeaders: string[];
  /** While true, the API answers 503. */
  outage: boolean;
  close(): Promise<void>;
}

export interface ApiRequest {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface ApiAnswer {
  status: number;
  body?: unknown;
}

/** Serves a provider's API by `answer`; answers 503 while `isDown`. */
export async function serveApi(
  answer: (request: ApiRequest) => ApiAnswer,
  isDown: () => boolean,
): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const body = Buffer.concat(chunks).toString("utf8");
      const { status, body: answered } = isDown() ? { status: 503, body: {} } : answer({ method, path, headers, body });
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answered ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A new random secret. */
export function freshSecret(prefix = ""): string {
  return `${prefix}${randomUUID().replaceAll("-", "")}`;
}

/** The sessions of a mock provider: what each was made for and where it stands. */
export class Sessions<Status extends string> {
  readonly #sessions = new Map<string, { userId: string; status: Status }>();

  add(id: string, userId: string, status: Status): void {
    this.#sessions.set(id, { userId, status });
  }

  get(id: string): { userId: string; status: Status } | undefined {
    return this.#sessions.get(id);
  }

  set(id: string, status: Status): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) session.status = status;
  }

  of(userId: string): number {
    return [...this.#sessions.values()].filter((session) => session.userId === userId).length;
  }
}

import { expect } from "chai";
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A message as it arrived. */
export interface ReceivedWebhook {
  id: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver of webhooks (Standard Webhooks), over HTTP. */
export interface WebhookReceiver {
  url: string;
  /** Every message so far; a test may empty it. */
  received: ReceivedWebhook[];
  /** The status of every answer; 204 when not set. */
  answerWith: number;
  close(): void;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      receiver.received.push({ id: String(request.headers["webhook-id"]), headers: request.headers, body });
      response.writeHead(receiver.answerWith).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${port}/hook`,
    received: [],
    answerWith: 204,
    close: () => void server.close(),
  };
  return receiver;
}

/** Verifies a message as Standard Webhooks has receivers do it. */
export function expectSigned({ id, headers, body }: ReceivedWebhook, secret: string, sentAt: Date): void {
  const timestamp = String(headers["webhook-timestamp"]);
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  expect(headers["webhook-signature"]).to.equal(`v1,${signature}`);
  expect(Number(timestamp)).to.equal(Math.floor(sentAt.getTime() / 1000));
}

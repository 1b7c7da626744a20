import type { IncomingMessage, ServerResponse } from "node:http";

/** A request over plain HTTP, beside the calls. */
export interface HttpExchange {
  request: IncomingMessage;
  response: ServerResponse;
  /** The caller's IP address, as the trusted proxies name it. */
  address: string;
  requestId: string;
}

/** One path of plain HTTP. */
export interface HttpRoute {
  method: "GET" | "POST";
  path: string;
  /** @throws DomainError and TransientError, which are answered as problem details */
  handle(exchange: HttpExchange): Promise<void>;
}

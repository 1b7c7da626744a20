import type { IncomingMessage, ServerResponse } from "node:http";
import { randomId } from "../../core/crypto";
import type { Logger } from "../../core/logger";
import { addressOf } from "./caller";
import { answerCors } from "./cors";
import { problemOf, problemReplyOf, sendProblem } from "./problems";
import type { HttpRoute } from "./routes";
import type { RpcHandler } from "./rpc";

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

export interface HttpHandlerDeps {
  rpc: RpcHandler;
  routes: HttpRoute[];
  corsOrigins: string[];
  trustProxy: number;
  /** Under which the codes of problems are explained. */
  publicUrl: string;
  logger: Logger;
}

/** Creates what answers the HTTP/1.1 port: calls (gRPC-Web and Connect) and the plain paths beside them. */
export function createHttpHandler(deps: HttpHandlerDeps): (request: IncomingMessage, response: ServerResponse) => void {
  const { rpc, corsOrigins, trustProxy } = deps;
  return (request, response) => {
    if (answerCors(corsOrigins, request, response)) return;
    if (rpc.handle(request, response)) return;
    const given = request.headers["x-request-id"];
    const requestId = typeof given === "string" && REQUEST_ID.test(given) ? given : randomId();
    const { remoteAddress } = request.socket;
    const address = addressOf(request.headers, { remoteAddress, trustProxy });
    response.setHeader("x-request-id", requestId);
    response.setHeader("x-content-type-options", "nosniff");
    void answer(deps, { request, response, address, requestId });
  };
}

async function answer(
  { routes, publicUrl, logger }: HttpHandlerDeps,
  exchange: Parameters<HttpRoute["handle"]>[0],
): Promise<void> {
  const { request, response, requestId } = exchange;
  const context = { requestId, publicUrl };
  const path = (request.url ?? "/").split("?", 1)[0];
  const atPath = routes.filter((route) => route.path === path);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const route = atPath.find((candidate) => candidate.method === method);
  try {
    if (route !== undefined) {
      await route.handle(exchange);
      return;
    }
    if (atPath.length === 0) {
      sendProblem(response, problemOf(404, "request.unknown_path", "There is nothing at this path.", context));
      return;
    }
    const allowed = atPath.map((candidate) => candidate.method).join(", ");
    response.setHeader("allow", allowed);
    sendProblem(response, problemOf(405, "request.method_not_allowed", `This path takes ${allowed}.`, context));
  } catch (error) {
    const problem = problemReplyOf(error, context);
    if (problem.unforeseen) logger.error({ err: error, requestId, route: route?.path ?? "none" }, "request failed");
    sendProblem(response, problem);
  }
}

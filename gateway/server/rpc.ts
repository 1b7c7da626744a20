import type { ServerResponse } from "node:http";
import { Code, ConnectError, type ConnectRouter, createConnectRouter, createContextValues } from "@connectrpc/connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { Logger } from "../../core/logger";
import { MAX_PAYLOAD_BYTES } from "../envelope/envelope";
import { addressOf, type Caller, callerKey, createCaller, type NodeRequest, type NodeResponse } from "./caller";

/** Answers the calls of every protocol at their paths. */
export interface RpcHandler {
  /** @returns false where the path is that of no call: then nothing was answered */
  handle(request: NodeRequest, response: NodeResponse): boolean;
}

/** What a request may have beside its payload: envelope, signature, and base64 with JSON. */
const MAX_REQUEST_BYTES = MAX_PAYLOAD_BYTES * 1.5;

/**
 * Creates the handler of all calls: gRPC, gRPC-Web and Connect, from one definition of the services.
 *
 * @param deps.routes adds the services and their implementations
 */
export function createRpcHandler(deps: {
  routes(router: ConnectRouter): void;
  logger: Logger;
  trustProxy: number;
}): RpcHandler {
  const { logger, trustProxy } = deps;
  const router = createConnectRouter({
    readMaxBytes: MAX_REQUEST_BYTES,
    // Payloads are small and signed; decompressing what strangers send costs more than it saves.
    acceptCompression: [],
  });
  deps.routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  function callerOf(request: NodeRequest, response: NodeResponse): Caller {
    const { remoteAddress } = request.socket;
    return createCaller(addressOf(request.headers, { remoteAddress, trustProxy }), request, response);
  }

  async function call(
    handler: UniversalHandler,
    caller: Caller,
    { request, response }: { request: NodeRequest; response: NodeResponse },
  ): Promise<void> {
    const values = createContextValues().set(callerKey, caller);
    let universal;
    try {
      universal = universalRequestFromNodeRequest(request, response as ServerResponse, undefined, values);
    } catch {
      // No Host, or one that is no part of a URL.
      response.writeHead(400).end();
      return;
    }
    await universalResponseToNodeResponse(await handler(universal), response);
  }

  return {
    handle(request, response) {
      const handler = handlers.get((request.url ?? "").split("?", 1)[0] ?? "");
      if (handler === undefined) return false;
      const caller = callerOf(request, response);
      call(handler, caller, { request, response }).catch((error: unknown) => {
        const { code } = ConnectError.from(error);
        // The caller went away while it was answered.
        if (code !== Code.Aborted && code !== Code.Canceled) {
          logger.warn({ err: error, rpc: handler.method.name }, "an answer could not be written");
        }
        caller.cut();
      });
      return true;
    },
  };
}

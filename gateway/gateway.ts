import { createCommandsPart } from "./commands/part";
import type { GatewayContext } from "./context";
import { keyRoutes } from "./keys/routes";
import type { GatewayPart } from "./part";
import { publicAuthRoutes } from "./publicAuth/routes";
import { createPushPart } from "./push/part";
import { createHealthService } from "./server/health";
import { createHttpHandler } from "./server/http";
import { listenHttp, listenHttp2 } from "./server/listen";
import { createRpcHandler } from "./server/rpc";

/** A gateway that serves. */
export interface RunningGateway {
  httpPort: number;
  grpcPort: number;
  /**
   * Tells load balancers, ends streams, then lets calls in hand finish for at most `deadlineMs` and cuts the rest.
   *
   * @returns false when calls had to be cut
   */
  close(deadlineMs: number): Promise<boolean>;
}

/** The parts of a gateway: what one adds is served, told to operators and ended with the others. */
export function createParts(context: GatewayContext): GatewayPart[] {
  return [
    createCommandsPart(context),
    createPushPart(context),
    { routes: publicAuthRoutes(context) },
    { routes: keyRoutes(context.keys) },
  ];
}

/**
 * Serves the parts: gRPC over HTTP/2 on one port; gRPC-Web, Connect and plain HTTP over HTTP/1.1 on the other.
 *
 * @throws Error when an address cannot be listened on, for instance `EADDRINUSE`
 */
export async function serveGateway(
  { config, logger }: Pick<GatewayContext, "config" | "logger">,
  parts: GatewayPart[],
): Promise<RunningGateway> {
  const { httpHost, httpPort, grpcHost, grpcPort, trustProxy, corsOrigins, maxConnections } = config.gateway;
  const health = createHealthService();
  const rpc = createRpcHandler({
    logger,
    trustProxy,
    routes(router) {
      health.calls(router);
      for (const part of parts) part.calls?.(router);
    },
  });
  const routes = parts.flatMap((part) => part.routes ?? []);
  const { publicUrl } = config.http;
  const handleHttp = createHttpHandler({ rpc, routes, corsOrigins, trustProxy, publicUrl, logger });
  const http = await listenHttp(handleHttp, { host: httpHost, port: httpPort, maxConnections });
  const grpc = await listenHttp2(
    (request, response) => {
      if (!rpc.handle(request, response)) response.writeHead(404).end();
    },
    { host: grpcHost, port: grpcPort, maxConnections },
  );
  return {
    httpPort: http.port,
    grpcPort: grpc.port,
    async close(deadlineMs) {
      health.stop();
      await Promise.all(parts.map(async (part) => part.stop?.()));
      const clean = await Promise.all([http.close(deadlineMs), grpc.close(deadlineMs)]);
      return clean.every(Boolean);
    },
  };
}

import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { GatewayService } from "../gen/cairn/gateway/v1/gateway_pb";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../gen/grpc/health/v1/health_pb";

/** Whether this gateway wants calls, for load balancers that speak gRPC's health protocol (grpc.health.v1). */
export interface HealthService {
  calls(router: ConnectRouter): void;
  /** From now on the answer is NOT_SERVING; who watches is told, and is let go when the call is aborted. */
  stop(): void;
}

/** The empty name is the server as a whole. */
const SERVICES: ReadonlySet<string> = new Set(["", GatewayService.typeName, Health.typeName]);

/** Creates the service; it answers SERVING until `stop`. What the process depends on is answered by `/health/ready`. */
export function createHealthService(): HealthService {
  const stopped = new AbortController();
  const status = () => (stopped.signal.aborted ? Status.NOT_SERVING : Status.SERVING);

  async function* watch(service: string, { signal }: HandlerContext) {
    if (!SERVICES.has(service)) {
      yield { status: Status.SERVICE_UNKNOWN };
      await either(signal, stopped.signal);
      return;
    }
    yield { status: status() };
    if (stopped.signal.aborted) return;
    await either(signal, stopped.signal);
    if (!signal.aborted) yield { status: status() };
  }

  return {
    calls(router) {
      router.service(Health, {
        check({ service }) {
          if (!SERVICES.has(service)) throw new ConnectError("there is no such service here", Code.NotFound);
          return { status: status() };
        },
        watch: ({ service }, context) => watch(service, context),
      });
    },
    stop: () => stopped.abort(),
  };
}

/** Resolves when one of two signals aborts, and leaves no listener behind. */
function either(left: AbortSignal, right: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      for (const signal of [left, right]) signal.removeEventListener("abort", finish);
      resolve();
    };
    if (left.aborted || right.aborted) resolve();
    for (const signal of [left, right]) signal.addEventListener("abort", finish, { once: true });
  });
}

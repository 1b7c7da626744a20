import { Counter, Histogram } from "prom-client";
import { Code, ConnectError } from "@connectrpc/connect";
import { monotonicMs } from "../../core/clock";
import type { GatewayContext } from "../context";
import { receive, RejectedError } from "../envelope/receive";
import type { SignedRequest } from "../envelope/envelope";
import { GatewayService } from "../gen/cairn/gateway/v1/gateway_pb";
import type { GatewayPart } from "../part";
import { callerKey } from "../server/caller";
import { executeCommand } from "./execute";
import { signResponse, type SignedResponse } from "./signedResponse";
import { COMMAND_TYPES } from "./types";

type Deps = Pick<GatewayContext, "api" | "sessions" | "keys" | "clock" | "logger" | "receiving" | "metrics">;

/** Creates ExecuteCommand: a request is verified, executed at the API, and answered with a signature. */
export function createCommandsPart(deps: Deps): GatewayPart {
  const observe = createObserver(deps);

  async function execute(received: SignedRequest, address: string): Promise<SignedResponse> {
    const method = {
      address,
      types: COMMAND_TYPES,
      lookUpSession: (id: string) => deps.sessions.lookUp(id),
    };
    const verified = await receive(deps.receiving, method, received);
    const result = await executeCommand(deps, { verified, address });
    return signResponse(deps, verified, result);
  }

  return {
    calls(router) {
      router.rpc(GatewayService.method.executeCommand, async (request, { values }) => {
        const finish = observe(request);
        try {
          const response = await execute(request, values.get(callerKey).address);
          finish(response.envelope.resultCode === "ok" ? "ok" : "problem");
          return response;
        } catch (error) {
          if (error instanceof RejectedError) {
            finish(error.rejection.reason);
            throw error.toConnectError();
          }
          finish("error");
          deps.logger.error({ err: error }, "a command failed");
          throw new ConnectError("Something went wrong on our side.", Code.Internal);
        }
      });
    },
  };
}

/** Counts and times commands by type and outcome: `ok`, `problem`, `error`, or the reason of a rejection. */
function createObserver({ metrics }: Pick<Deps, "metrics">) {
  const labelNames = ["type", "outcome"] as const;
  const total = new Counter({
    name: "cairn_gateway_commands_total",
    help: "Commands by message type and outcome: ok, problem, error, or the reason of the rejection.",
    labelNames,
    registers: [metrics],
  });
  const seconds = new Histogram({
    name: "cairn_gateway_command_duration_seconds",
    help: "How long commands took, from the whole request to the signed answer.",
    labelNames: ["type"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [metrics],
  });
  return ({ envelope }: SignedRequest) => {
    const startedMs = monotonicMs();
    // Only known types become labels: strangers choose the others.
    const type = COMMAND_TYPES.has(envelope?.messageType ?? "") ? (envelope?.messageType ?? "") : "unknown";
    return (outcome: string) => {
      total.inc({ type, outcome });
      seconds.observe({ type }, (monotonicMs() - startedMs) / 1000);
    };
  };
}

import { z } from "zod";
import { defineEndpoint, type Endpoint } from "./endpoint";
import type { Readiness } from "../../process/health";

const TAG = "Operations";

const readiness = z.strictObject({
  status: z.enum(["ready", "degraded", "unavailable"]),
  dependencies: z.record(z.string(), z.looseObject({ status: z.enum(["up", "down"]), ms: z.number() })),
});

/** What supervisors and load balancers ask. */
export function healthEndpoints(deps: { readiness(): Promise<Readiness> }): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/health/live",
      tag: TAG,
      summary: "Whether the process answers at all",
      auth: "none",
      quiet: true,
      replies: { 200: { description: "It does.", schema: z.strictObject({ status: z.literal("live") }) } },
      handle: () => Promise.resolve({ status: 200, body: { status: "live" } }),
    }),
    defineEndpoint({
      method: "get",
      path: "/health/ready",
      tag: TAG,
      summary: "Whether requests should be sent here",
      description: "Names each dependency, and how far the index is behind the chain.",
      auth: "none",
      quiet: true,
      replies: {
        200: { description: "Yes; `degraded` when something is missing that not everything needs.", schema: readiness },
        503: { description: "No: something is missing without which nothing works.", schema: readiness },
      },
      handle: async () => {
        const body = await deps.readiness();
        return { status: body.status === "unavailable" ? 503 : 200, body };
      },
    }),
  ];
}

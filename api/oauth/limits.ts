import type { Context } from "../../process/context";
import type { EndpointLimit } from "../http/endpoint";

export interface LimitDeps {
  config: Pick<Context["config"], "sessions">;
}

/**
 * A budget of requests for each address and minute.
 *
 * @returns undefined where the configuration lifts limits
 */
export function limitPerMinute({ config }: LimitDeps, name: string, limit: number): EndpointLimit | undefined {
  return config.sessions.limitLogins ? { name, limit, windowSeconds: 60, by: "address" } : undefined;
}

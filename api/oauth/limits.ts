import type { EndpointLimit } from "../http/endpoint";

/**
 * A budget of requests for each address and minute.
 *
 * @param deps.limited whether requests are counted at all
 */
export function limitPerMinute(
  { limited }: { limited: boolean },
  name: string,
  limit: number,
): EndpointLimit | undefined {
  return limited ? { name, limit, windowSeconds: 60, by: "address" } : undefined;
}

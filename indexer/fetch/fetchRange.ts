import type { Endpoint } from "../rpc/endpoint";
import { headersAt } from "../rpc/headers";
import type { BlockRange, FetchOptions } from "./blockRange";
import { checkRange } from "./checkRange";
import { logsBetween } from "./logs";

/**
 * Fetches the blocks `from` to `to` and their logs from one endpoint, and checks whatever can be checked; see
 * {@link checkRange}.
 *
 * @throws RpcError `behind` when the node does not know all of these blocks, `inconsistent` when its answers contradict
 *   each other, and the errors of the requests themselves
 */
export async function fetchRange(
  endpoint: Endpoint,
  from: number,
  to: number,
  options: FetchOptions,
): Promise<BlockRange> {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const [headers, logs] = await Promise.all([
    headersAt(endpoint, numbers),
    logsBetween(endpoint, from, to, [...options.contracts.keys()]),
  ]);
  return checkRange(endpoint, headers, logs, options);
}

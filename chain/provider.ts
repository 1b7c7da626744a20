import { FetchRequest, JsonRpcProvider, type JsonRpcPayload, type JsonRpcResult, Network } from "ethers";
import { TransientError, messageOf } from "../core/errors";

/** How long one HTTP exchange with an endpoint may take. */
const EXCHANGE_TIMEOUT_MS = 10_000;

/** Most calls sent in one HTTP body; providers refuse larger batches. */
const MAX_BATCH = 50;

/**
 * A JSON-RPC provider over several endpoints of one chain: calls go to the one that answered last; one that cannot be
 * reached, times out or answers with an HTTP error is passed over for the next.
 */
export class FailoverProvider extends JsonRpcProvider {
  private current = 0;

  constructor(
    private readonly endpoints: [string, ...string[]],
    chainId: number,
  ) {
    super(endpoints[0], chainId, {
      staticNetwork: Network.from(chainId),
      batchMaxCount: MAX_BATCH,
      // ethers caches answers for 250 ms by default, which is too old on a chain that mines at once.
      cacheTimeout: -1,
      pollingInterval: 500,
    });
  }

  /** @throws TransientError `rpc.unreachable` when no endpoint answers */
  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    const problems: string[] = [];
    let cause: unknown;
    for (let tried = 0; tried < this.endpoints.length; tried += 1) {
      const index = (this.current + tried) % this.endpoints.length;
      const endpoint = this.endpoints[index] ?? this.endpoints[0];
      try {
        const results = await exchange(endpoint, payload);
        this.current = index;
        return results;
      } catch (error) {
        // Endpoints often carry an API key in their path or query: only the host is named.
        problems.push(`${new URL(endpoint).host}: ${shortMessageOf(error)}`);
        cause = error;
      }
    }
    throw new TransientError("rpc.unreachable", `No JSON-RPC endpoint answers (${problems.join("; ")})`, { cause });
  }
}

/** The message of an error in one sentence: ethers puts the whole request, keys and bytecode included, into its own. */
export function shortMessageOf(error: unknown): string {
  return error instanceof Error && "shortMessage" in error ? String(error.shortMessage) : messageOf(error);
}

async function exchange(endpoint: string, payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
  const request = new FetchRequest(endpoint);
  request.timeout = EXCHANGE_TIMEOUT_MS;
  request.setThrottleParams({ maxAttempts: 3 });
  request.body = JSON.stringify(payload);
  request.setHeader("content-type", "application/json");
  const response = await request.send();
  response.assertOk();
  const results = response.bodyJson as JsonRpcResult | JsonRpcResult[];
  return Array.isArray(results) ? results : [results];
}

/**
 * Makes a provider over the http(s) endpoints of a list. Where there is none, `ws(s)://` ones are asked over http(s) at
 * the same address, as most nodes allow: a socket that broke would lose calls in flight. The caller ends it with
 * `destroy()`.
 */
export function createProvider(rpcUrls: string[], chainId: number): FailoverProvider {
  const overHttp = rpcUrls.filter((url) => url.startsWith("http"));
  const [first, ...rest] = overHttp.length > 0 ? overHttp : rpcUrls.map((url) => url.replace(/^ws/, "http"));
  if (first === undefined) throw new RangeError("at least one JSON-RPC endpoint is needed");
  return new FailoverProvider([first, ...rest], chainId);
}

import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { DomainError, TransientError } from "./errors";
import { publicLookup, requirePublicUrl } from "./privateAddresses";

/** What a fetch may cost. */
export interface FetchLimits {
  maxBytes: number;
  timeoutMs: number;
  /** For development: `http:` and addresses of private networks. */
  allowPrivate: boolean;
}

/**
 * Fetches what a stranger's document points to: one GET, no redirects, https and public addresses alone, bounded in time
 * and size.
 *
 * @param accept media types, as the `Accept` header has them
 * @throws TransientError `fetch.failed` when there is no answer of 200 within the limits
 * @throws DomainError `fetch.url_not_allowed` when the URL is not one to fetch from; a retry does not help
 */
export async function fetchBytes(url: string, accept: string, limits: FetchLimits): Promise<Buffer> {
  const { maxBytes, timeoutMs, allowPrivate } = limits;
  requireAllowed(url, allowPrivate);
  const get = new URL(url).protocol === "https:" ? requestHttps : requestHttp;
  const signal = AbortSignal.timeout(timeoutMs);
  const options = { headers: { accept }, signal, ...(!allowPrivate && { lookup: publicLookup }) };
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      reject(new TransientError("fetch.failed", `${new URL(url).host} did not answer as it should.`, { cause }));
    };
    const request = get(url, options, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        fail(new Error(`HTTP status ${response.statusCode ?? 0}`));
        return;
      }
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) request.destroy(new Error(`more than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", fail);
      response.on("end", () => {
        resolve(Buffer.concat(chunks));
      });
    });
    request.on("error", fail);
    request.end();
  });
}

function requireAllowed(url: string, allowPrivate: boolean): void {
  try {
    if (!allowPrivate) requirePublicUrl(url);
    else if (!/^https?:$/.test(new URL(url).protocol)) throw new Error("the URL is neither https nor http");
  } catch (cause) {
    throw new DomainError("fetch.url_not_allowed", "invalid", "Nothing is fetched from this URL.", { cause });
  }
}

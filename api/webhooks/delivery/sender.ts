import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { publicLookup, requirePublicUrl } from "../../../core/privateAddresses";
import type { WebhookMessage } from "./signing";

const ANSWER_TIMEOUT_MS = 15_000;

/**
 * Sends a message.
 *
 * @returns the HTTP status it was answered with
 * @throws Error when there was no answer in time, or the URL is not one to send to
 */
export type WebhookSender = (url: string, message: WebhookMessage) => Promise<number>;

/**
 * Creates the sender of webhooks: one POST, no redirects, the answer's body unread.
 *
 * @param allowPrivate for development: `http:` and addresses of private networks
 */
export function createWebhookSender({ allowPrivate }: { allowPrivate: boolean }): WebhookSender {
  return async (url, { body, headers }) => {
    if (!allowPrivate) requirePublicUrl(url);
    const send = new URL(url).protocol === "https:" ? requestHttps : requestHttp;
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const options = { method: "POST", headers, signal, ...(!allowPrivate && { lookup: publicLookup }) };
    return new Promise((resolve, reject) => {
      const request = send(url, options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on("error", reject);
      request.end(body);
    });
  };
}

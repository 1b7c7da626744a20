import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { type LimitDeps, limitPerMinute } from "../limits";
import { receiveNotification, type ReceiveNotificationDeps } from "./actions";
import { parseNotification } from "./rules";

/** The endpoint that verifiers notify. */
export function notificationEndpoint(deps: ReceiveNotificationDeps & LimitDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/notification",
    tag: "OAuth gateway",
    summary: "A verifier's notification that a verification has news",
    description:
      "`{verification_id, timestamp}`, with the key agreed upon in the header agreed upon (`x-api-key`). Acknowledged " +
      "whatever it says; one that belongs to a session that waits, and carries the key, is stored before that, and the " +
      "verifier itself is asked how the verification ended.",
    auth: "none",
    rawBody: { limitBytes: 16_384, mediaType: "application/json" },
    limit: limitPerMinute(deps, "oauth-notification", 6_000),
    replies: { 200: { description: "It was read." } },
    handle: async ({ body }, context) => {
      const { logger, requestId } = context;
      const notification = parseNotification(body);
      if (notification === undefined) {
        logger.error({ outcome: "unintelligible" }, "notification ignored: it names no verification");
        return { status: 200 };
      }
      const header = (name: string) => context.header(name);
      await receiveNotification(deps, { notification, header, requestId, logger });
      return { status: 200 };
    },
  });
}

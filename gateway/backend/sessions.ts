import type { Clock } from "../../core/clock";
import { importPublicKey } from "../../core/keys/ed25519";
import type { InternalSessionReply } from "../../core/internalApi";
import type { Logger } from "../../core/logger";
import { createLruCache } from "../../core/lruCache";
import type { SessionAnswer } from "../envelope/checks";
import type { InternalApi } from "./internalApi";

/** How long what the API said of a session is believed, in milliseconds. */
const BELIEVED_MS = 5_000;

const MAX_CACHED = 50_000;

/** What the API says of device sessions. */
export interface SessionDirectory {
  /** For commands: may be 5 seconds old, because the API reads the session again on every write. */
  lookUp(deviceSessionId: string): Promise<SessionAnswer>;
  /** For subscribing: asked now. */
  lookUpNow(deviceSessionId: string): Promise<SessionAnswer>;
  /** From now on what was said of these sessions is asked anew: they ended. */
  forget(deviceSessionIds: string[]): void;
}

interface CachedAnswer {
  answer: SessionAnswer;
  expiresAtMs: number;
  believedUntilMs: number;
}

/** Creates the directory; several lookups of one session at the same time are one question. */
export function createSessionDirectory(deps: {
  api: Pick<InternalApi, "readSession">;
  clock: Clock;
  logger: Logger;
}): SessionDirectory {
  const { api, clock, logger } = deps;
  const cache = createLruCache<CachedAnswer>(MAX_CACHED);
  const underWay = new Map<string, Promise<SessionAnswer>>();
  /** How often sessions were forgotten: what was asked for before that may be out of date. */
  let forgotten = 0;

  async function ask(deviceSessionId: string): Promise<SessionAnswer> {
    const forgottenBefore = forgotten;
    let reply;
    try {
      reply = await api.readSession(deviceSessionId);
    } catch (error) {
      logger.warn({ err: error }, "the API does not answer for a session");
      return { kind: "unavailable" };
    }
    // Not cached: whoever asks for sessions that do not exist asks for another each time.
    if (reply === undefined) return { kind: "unknown" };
    const now = clock.now().getTime();
    const expiresAtMs = Date.parse(reply.expiresAt);
    const answer = answerOf(reply);
    const believedUntilMs = forgotten === forgottenBefore ? now + BELIEVED_MS : 0;
    cache.set(deviceSessionId, { answer, expiresAtMs, believedUntilMs });
    return answer;
  }

  function askOnce(deviceSessionId: string): Promise<SessionAnswer> {
    const present = underWay.get(deviceSessionId);
    if (present !== undefined) return present;
    const asked = ask(deviceSessionId).finally(() => {
      if (underWay.get(deviceSessionId) === asked) underWay.delete(deviceSessionId);
    });
    underWay.set(deviceSessionId, asked);
    return asked;
  }

  return {
    async lookUp(deviceSessionId) {
      const cached = cache.get(deviceSessionId);
      const now = clock.now().getTime();
      if (cached === undefined || cached.believedUntilMs <= now) return askOnce(deviceSessionId);
      return cached.answer.kind === "valid" && cached.expiresAtMs <= now ? { kind: "expired" } : cached.answer;
    },
    lookUpNow: ask,
    forget(deviceSessionIds) {
      forgotten += 1;
      for (const id of deviceSessionIds) {
        underWay.delete(id);
        const cached = cache.get(id);
        if (cached !== undefined) cache.set(id, { ...cached, believedUntilMs: 0 });
      }
    },
  };
}

function answerOf({ state, deviceSessionId, userId, publicKey }: InternalSessionReply): SessionAnswer {
  if (state !== "active") return { kind: state };
  const key = importPublicKey(Buffer.from(publicKey, "base64url"));
  return { kind: "valid", session: { deviceSessionId, userId, publicKey: key } };
}

import type { InternalApi } from "../backend/internalApi";
import type { CheckedSession } from "./sessionWatch";
import type { Subscription } from "./subscription";

/** Asks the API about sessions of both kinds: devices' by their ids, all at once, and browsers' by their tokens. */
export interface SessionChecks {
  /** Says that a session is a browser's for as long as its stream is open. */
  addBrowser(token: string, subscription: Subscription): void;
  /** @param ids at most SESSIONS_CHECK_LIMIT */
  check(ids: string[]): Promise<CheckedSession[]>;
}

/** Browser sessions asked about at once. */
const BROWSERS_AT_ONCE = 16;

/** Creates the questions; no token is stored longer than its stream is open. */
export function createSessionChecks(api: Pick<InternalApi, "checkSessions" | "checkBrowserSession">): SessionChecks {
  const browsers = new Map<string, { token: string; streams: number }>();

  async function checkBrowser(sessionId: string): Promise<CheckedSession[]> {
    const token = browsers.get(sessionId)?.token;
    // Its last stream ended meanwhile.
    if (token === undefined) return [];
    const reply = await api.checkBrowserSession(token);
    return [reply === undefined ? { sessionId, state: "unknown" } : { ...statusOf(reply), sessionId }];
  }

  async function checkDevices(ids: string[]): Promise<CheckedSession[]> {
    if (ids.length === 0) return [];
    const replies = await api.checkSessions(ids);
    return replies.map(({ id, state, head }) => ({ ...statusOf({ state, head }), sessionId: id }));
  }

  return {
    addBrowser(token, { sessionId, onEnd }) {
      browsers.set(sessionId, { token, streams: (browsers.get(sessionId)?.streams ?? 0) + 1 });
      onEnd(() => {
        const { streams = 1 } = browsers.get(sessionId) ?? {};
        if (streams === 1) browsers.delete(sessionId);
        else browsers.set(sessionId, { token, streams: streams - 1 });
      });
    },
    async check(ids) {
      const ofBrowsers = ids.filter((id) => browsers.has(id));
      const checked = await checkDevices(ids.filter((id) => !browsers.has(id)));
      for (let from = 0; from < ofBrowsers.length; from += BROWSERS_AT_ONCE) {
        const some = ofBrowsers.slice(from, from + BROWSERS_AT_ONCE);
        checked.push(...(await Promise.all(some.map(checkBrowser))).flat());
      }
      return checked;
    },
  };
}

/** What is said of a session, with the number of the user's newest event. */
export function statusOf<State extends CheckedSession["state"]>({
  state,
  head,
}: {
  state: State;
  head?: string | undefined;
}): { state: State; head: bigint | undefined } {
  return { state, head: head === undefined ? undefined : BigInt(head) };
}

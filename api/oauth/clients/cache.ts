import { createLruCache } from "../../../core/lruCache";
import type { OAuthClient } from "./rules";
import type { ClientStore } from "./store";

/** How long a client is answered from the cache: a process accepts a removed client, or a removed secret, so much longer. */
const CACHE_MS = 5_000;

/** Most clients in the cache. */
const MAX_CLIENTS = 10_000;

/**
 * Caches clients, since every request reads one. A client that was not found is not cached, so that a new one is known
 * at once.
 *
 * @param nowMs a clock that never goes back
 */
export function cacheClients(clients: Pick<ClientStore, "find">, nowMs: () => number): Pick<ClientStore, "find"> {
  const cache = createLruCache<{ client: OAuthClient; expiresAtMs: number }>(MAX_CLIENTS);
  return {
    async find(clientId) {
      const cached = cache.get(clientId);
      if (cached !== undefined && cached.expiresAtMs > nowMs()) return cached.client;
      const client = await clients.find(clientId);
      if (client !== null) cache.set(clientId, { client, expiresAtMs: nowMs() + CACHE_MS });
      return client;
    },
  };
}

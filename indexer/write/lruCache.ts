/** A bounded cache: beyond its limit, the entry that was set longest ago is evicted. */
export interface LruCache<Value> {
  has(key: string): boolean;
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  clear(): void;
}

/** Makes a cache of at most `limit` entries. */
export function createLruCache<Value>(limit = 10_000): LruCache<Value> {
  const entries = new Map<string, Value>();
  return {
    has: (key) => entries.has(key),
    get: (key) => entries.get(key),
    set(key, value) {
      // Deleted first, so that the map's order is that of the last change.
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= limit) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
    clear: () => entries.clear(),
  };
}

/** A bounded memory: the entries set longest ago are forgotten first. */
export interface Memory<Value> {
  has(key: string): boolean;
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  clear(): void;
}

/** Makes a memory of at most `limit` entries. */
export function remember<Value>(limit = 10_000): Memory<Value> {
  const entries = new Map<string, Value>();
  return {
    has: (key) => entries.has(key),
    get: (key) => entries.get(key),
    set(key, value) {
      // Set anew, so that the map's order is that of the last change.
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= limit) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
    clear: () => entries.clear(),
  };
}

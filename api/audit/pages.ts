/** Events read in one exchange with the database: each may be 100 kB, and most pages need few. */
const READ_AT_ONCE = 16;

/** Where a page of effects ends: within the event at this position, after so many of its effects. */
export interface EffectCursor {
  position: number;
  /** Effects of that event that were given already. */
  offset: number;
}

const CURSOR = /^(\d{1,16})\.(\d{1,9})$/;

/** A cursor as it goes out. */
export function formatCursor({ position, offset }: EffectCursor): string {
  return `${position}.${offset}`;
}

/** Parses a cursor; undefined when it is none of ours. */
export function parseCursor(text: string): EffectCursor | undefined {
  const [, position, offset] = CURSOR.exec(text) ?? [];
  if (position === undefined || offset === undefined) return undefined;
  const cursor = { position: Number(position), offset: Number(offset) };
  return Number.isSafeInteger(cursor.position) ? cursor : undefined;
}

/** An item of which a page may hold a part. */
export interface Part<Item> {
  item: Item;
  /** Its effects that the page holds: from here on, so many. */
  offset: number;
  count: number;
}

/**
 * Takes items until a page is full. The page is bounded by what it costs, not by the number of items: one event may
 * revoke a hundred thousand credentials.
 *
 * @param read the next items at or before a position, the newest first; fewer than asked for when there are no more
 * @param sizeOf effects of an item; an item without any counts as one
 * @param limit effects at most
 * @returns `next`: where the next page begins; null after the last
 */
export async function pageOfEffects<Item extends { position: number }>(
  {
    read,
    sizeOf,
  }: { read(atOrBefore: number | undefined, count: number): Promise<Item[]>; sizeOf(item: Item): number },
  { from, limit }: { from: EffectCursor | undefined; limit: number },
): Promise<{ parts: Part<Item>[]; next: EffectCursor | null }> {
  const parts: Part<Item>[] = [];
  let at = from;
  let room = limit;
  for (;;) {
    const items = await read(at?.position, READ_AT_ONCE);
    for (const item of items) {
      const size = Math.max(1, sizeOf(item));
      const offset = item.position === at?.position ? at.offset : 0;
      if (offset >= size) continue;
      if (room === 0) return { parts, next: { position: item.position, offset } };
      const count = Math.min(room, size - offset);
      parts.push({ item, offset, count });
      room -= count;
      if (offset + count < size) return { parts, next: { position: item.position, offset: offset + count } };
      // Whole: what follows begins after it.
      at = { position: item.position, offset: size };
    }
    if (items.length < READ_AT_ONCE) return { parts, next: null };
  }
}

/**
 * Takes items until there are as many as asked for, or they are as large together as a page may be. One is always taken.
 *
 * @param read the next items before a position, the newest first; fewer than asked for when there are no more
 * @returns `next`: before which position the next page begins; null after the last
 */
export async function pageOfBytes<Item extends { position: number }>(
  { read, bytesOf }: { read(before: number | undefined, count: number): Promise<Item[]>; bytesOf(item: Item): number },
  { before, limit, maxBytes }: { before: number | undefined; limit: number; maxBytes: number },
): Promise<{ items: Item[]; next: number | null }> {
  const items: Item[] = [];
  let bytes = 0;
  for (;;) {
    const found = await read(items.at(-1)?.position ?? before, READ_AT_ONCE);
    for (const item of found) {
      const last = items.at(-1);
      bytes += bytesOf(item);
      if (last !== undefined && (items.length >= limit || bytes > maxBytes)) return { items, next: last.position };
      items.push(item);
    }
    if (found.length < READ_AT_ONCE) return { items, next: null };
  }
}

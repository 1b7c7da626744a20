import { expect } from "chai";
import fc from "fast-check";
import { pageOfBytes, pageOfEffects, parseCursor, formatCursor, type EffectCursor } from "../../../api/audit/pages";
import { countStatusChanges, statusChangesOf } from "../../../api/audit/rules";
import type { RegistryEvent } from "../../../chain/registry/events";

/** Stored items, the newest first; `size` is what a page of them costs. */
type Item = { position: number; size: number };
const itemsOf = (sizes: number[]): Item[] => sizes.map((size, at) => ({ position: 1_000 - at * 3, size }));

describe("pages of events", () => {
  const sizes = fc.array(fc.oneof(fc.nat(5), fc.constant(40)), { maxLength: 60 });

  it("give every effect of every event once, in order, and no page more than its bound", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 50 }), async (given, limit) => {
        const stored = itemsOf(given);
        const read = (atOrBefore = Infinity, count: number) =>
          Promise.resolve(stored.filter(({ position }) => position <= atOrBefore).slice(0, count));
        const seen: string[] = [];
        let from: EffectCursor | undefined;
        do {
          const page = await pageOfEffects<Item>({ read, sizeOf: ({ size }) => size }, { from, limit });
          const here = page.parts.flatMap(({ item, offset, count }) =>
            Array.from({ length: count }, (_, at) => `${item.position}/${offset + at}`),
          );
          expect(here.length).to.be.lessThanOrEqual(limit);
          if (page.next !== null) expect(here.length).to.equal(limit);
          seen.push(...here);
          from = page.next === null ? undefined : parseCursor(formatCursor(page.next));
        } while (from !== undefined);
        const all = stored.flatMap(({ position, size }) =>
          Array.from({ length: Math.max(1, size) }, (_, at) => `${position}/${at}`),
        );
        expect(seen).to.deep.equal(all);
      }),
    );
  });

  it("give every event once, and no page more bytes than its bound unless one event alone has more", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 50 }), async (given, limit) => {
        const stored = itemsOf(given);
        const read = (before = Infinity, count: number) =>
          Promise.resolve(stored.filter(({ position }) => position < before).slice(0, count));
        const seen: Item[] = [];
        let before: number | undefined;
        do {
          const { items, next } = await pageOfBytes<Item>(
            { read, bytesOf: ({ size }) => size },
            { before, limit, maxBytes: 20 },
          );
          expect(items.length).to.be.lessThanOrEqual(limit);
          if (items.length > 1) expect(items.reduce((sum, { size }) => sum + size, 0)).to.be.lessThanOrEqual(20);
          seen.push(...items);
          before = next ?? undefined;
        } while (before !== undefined);
        expect(seen).to.deep.equal(stored);
      }),
    );
  });

  it("refuse a cursor that is none of ours", () => {
    for (const text of ["", "7", "7.", ".7", "-1.0", "1.0.0", "99999999999999999.0", "1e3.0"]) {
      expect(parseCursor(text), text).to.equal(undefined);
    }
  });
});

describe("an event that changes many credentials' statuses", () => {
  const masks = Array.from({ length: 40 }, () => `0x${"f".repeat(64)}`);
  const event = {
    registry: "DIDRegistry",
    name: "RevocationMasksSet",
    subject: "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    args: {
      issuer: "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
      words: masks.map((_, at) => String(at)),
      masks,
      statusSequence: "1",
    },
  } as unknown as RegistryEvent;

  it("is counted and listed in parts, each credential once", () => {
    const total = countStatusChanges(event);
    expect(total).to.equal(40 * 256);
    const whole = statusChangesOf(event, { offset: 0, count: total });
    expect(new Set(whole.map(({ credId }) => credId)).size).to.equal(total);
    const parts = [];
    for (let offset = 0; offset < total; offset += 999) parts.push(...statusChangesOf(event, { offset, count: 999 }));
    expect(parts).to.deep.equal(whole);
  });
});

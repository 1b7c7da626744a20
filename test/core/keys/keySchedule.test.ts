import { expect } from "chai";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileKeyStore } from "../../../core/keys/fileKeyStore";
import type { KeyStore } from "../../../core/keys/keyStore";
import {
  createSchedule,
  publishedKeysAt,
  readSchedule,
  rotateSchedule,
  schedulePathOf,
  signingKeyAt,
} from "../../../core/keys/keySchedule";
import { fakeClock } from "../../support/fakeClock";

const HOUR = 3_600;
const DAY = 24 * HOUR;

describe("the schedule of signing keys", () => {
  let directory: string;
  let path: string;
  let keys: KeyStore;
  let clock: ReturnType<typeof fakeClock>;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "cairn-schedule-"));
    path = schedulePathOf(directory);
    keys = await openFileKeyStore({ directory, passphrase: "a passphrase of the test" });
    clock = fakeClock();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const rotate = () => rotateSchedule({ keys, path }, clock.now());
  const schedule = async () => (await readSchedule(path)) ?? [];
  const signing = async () => signingKeyAt(await schedule(), clock.now())?.keyId;
  const published = async () => publishedKeysAt(await schedule(), clock.now()).map(({ keyId }) => keyId);

  it("has one first key, however many processes make it at once, and no key of the others is left", async () => {
    const made = await Promise.all(Array.from({ length: 16 }, () => createSchedule({ keys, path }, clock.now())));
    const ids = new Set(made.flat().map(({ keyId }) => keyId));
    expect(ids.size).to.equal(1);
    expect(await signing()).to.equal([...ids][0]);
    expect(readdirSync(directory).sort()).to.deep.equal([`${[...ids][0]}.json`, "salt", "schedule.json"].sort());
  });

  it("publishes a key 24 hours before it signs, and keeps it published 7 days after the next one does", async () => {
    await createSchedule({ keys, path }, clock.now());
    const [first = ""] = await published();
    await rotate();
    const second = (await schedule()).at(-1)?.keyId;
    expect([await signing(), await published()]).to.deep.equal([first, [first, second]]);
    clock.advance(DAY - 1);
    expect(await signing(), "a second before").to.equal(first);
    clock.advance(1);
    expect(await signing()).to.equal(second);
    clock.advance(7 * DAY - 1);
    expect(await published(), "the last second").to.deep.equal([first, second]);
    clock.advance(1);
    expect(await published()).to.deep.equal([second]);
    await rotate();
    expect(await keys.describe(first).catch((error: unknown) => String(error)), "destroyed").to.include("no key");
    expect(await schedule()).to.have.length(2);
  });

  it("refuses to rotate while the next key does not sign yet, and changes nothing", async () => {
    await createSchedule({ keys, path }, clock.now());
    await rotate();
    const before = await schedule();
    const error = await rotate().catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: "key.rotation_pending", kind: "conflict" });
    expect(await schedule()).to.deep.equal(before);
  });

  it("makes the first key by rotating where there is none, and it signs at once", async () => {
    const [key] = await rotate();
    expect(await signing()).to.equal(key?.keyId);
  });

  it("says what to do about a file that is no schedule, and does not replace it", async () => {
    writeFileSync(path, "{");
    for (const act of [schedule, rotate, () => createSchedule({ keys, path }, clock.now())]) {
      const error = await act().catch((thrown: unknown) => thrown);
      expect(String(error)).to.include("is no schedule of keys: restore it");
    }
  });
});

import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDataKeyStore } from "../../../core/keys/dataKeys";
import { createFieldCipher, FieldUnreadableError } from "../../../core/keys/fieldCipher";
import { openFileKeyStore } from "../../../core/keys/fileKeyStore";
import {
  countUses,
  reencryptFields,
  RETIREMENT_SECONDS,
  retireDataKey,
  rotateDataKey,
  type RotationDeps,
} from "../../../core/keys/rotateDataKeys";
import { type Mongo, rawCollection } from "../../../core/mongo";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import { testMongo } from "../../support/servers";

type Person = { _id: string; email: string | null; name: string };

const COUNT = 450;

describe("the rotation of data keys", () => {
  let mongo: Mongo;
  let directory: string;
  let clock: FakeClock;
  let deps: RotationDeps;
  const people = () => rawCollection<Person>(mongo, "people");
  const place = (field: string, id: string) => ({ collection: "people", field, id });

  beforeEach(async () => {
    mongo = await testMongo("data_keys");
    directory = mkdtempSync(join(tmpdir(), "cairn-rotation-"));
    const keys = await openFileKeyStore({ directory, passphrase: "correct horse" });
    clock = fakeClock();
    const encrypted = [{ collection: "people", fields: ["email", "name"] }];
    deps = { keys, dataKeys: createDataKeyStore(mongo), mongo, clock, encrypted };
    const cipher = createFieldCipher(deps);
    const ids = Array.from({ length: COUNT }, (_, index) => String(index).padStart(4, "0"));
    const documents = ids.map(async (_id) => ({
      _id,
      email: _id === "0007" ? null : await cipher.encrypt(place("email", _id), `${_id}@example.org`),
      name: await cipher.encrypt(place("name", _id), `Person ${_id}`),
    }));
    await people().insertMany(await Promise.all(documents));
  });
  afterEach(async () => {
    await mongo.dropDatabase();
    await mongo.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function expectReadable(): Promise<void> {
    const cipher = createFieldCipher(deps);
    for (const { _id, email, name } of await people().find({}).toArray()) {
      expect(await cipher.decrypt(place("name", _id), name)).to.equal(`Person ${_id}`);
      if (email !== null) expect(await cipher.decrypt(place("email", _id), email)).to.equal(`${_id}@example.org`);
    }
  }

  it("encrypts with the new key, reads the old one, and re-encrypts everything", async () => {
    expect(await rotateDataKey(deps)).to.deep.equal({ from: "data-1", to: "data-2" });
    expect((await createFieldCipher(deps).encrypt(place("name", "x"), "new")).split(".")[0]).to.equal("data-2");
    await expectReadable();
    expect(await reencryptFields(deps)).to.deep.equal({ documents: COUNT, unreadable: [] });
    expect(await countUses(deps, "data-1")).to.deep.equal({ people: 0 });
    expect(await countUses(deps, "data-2")).to.deep.equal({ people: COUNT });
    await expectReadable();
    expect(await reencryptFields(deps)).to.deep.equal({ documents: 0, unreadable: [] });
  });

  it("continues where it was killed, and loses nothing", async () => {
    await rotateDataKey(deps);
    for (const batch of [1, 2]) {
      let batches = 0;
      const killed = reencryptFields(deps, () => {
        batches += 1;
        if (batches === 1) throw new Error(`killed in batch ${batch}`);
      });
      expect(await outcomeOf(killed)).to.equal(`killed in batch ${batch}`);
      await expectReadable();
    }
    expect((await reencryptFields(deps)).documents).to.be.within(1, COUNT - 400);
    expect(await countUses(deps, "data-1")).to.deep.equal({ people: 0 });
    await expectReadable();
  });

  it("overwrites nothing that was changed meanwhile", async () => {
    await rotateDataKey(deps);
    const old = createFieldCipher(deps);
    const changed = await old.encrypt(place("name", "0003"), "Person changed");
    let isFirst = true;
    await people().updateOne({ _id: "0003" }, { $set: { name: changed } });
    await reencryptFields(deps, async () => {
      if (isFirst) await people().updateOne({ _id: "0400" }, { $set: { name: await formerly("0400") } });
      isFirst = false;
    });
    const stored = async (id: string) => (await people().findOne({ _id: id }))!.name;
    expect(await old.decrypt(place("name", "0003"), await stored("0003"))).to.equal("Person changed");
    expect(await old.decrypt(place("name", "0400"), await stored("0400"))).to.equal("written by the former key");
    expect(await countUses(deps, "data-1")).to.deep.equal({ people: 0 });
  });

  /** As a process writes that does not know of the rotation yet. */
  async function formerly(id: string): Promise<string> {
    const present = (await deps.dataKeys.read())!;
    const unaware = createFieldCipher({
      ...deps,
      dataKeys: { ...deps.dataKeys, read: () => Promise.resolve({ ...present, primary: "data-1" }) },
    });
    return unaware.encrypt(place("name", id), "written by the former key");
  }

  it("names what cannot be read and goes on with the rest", async () => {
    const { name } = (await people().findOne({ _id: "0002" }))!;
    await people().updateOne({ _id: "0002" }, { $set: { email: name } });
    await rotateDataKey(deps);
    const report = await reencryptFields(deps);
    expect(report.unreadable).to.deep.equal(["people.email of 0002"]);
    expect(await countUses(deps, "data-1")).to.deep.equal({ people: 1 });
  });

  it("is won by one of several that run at once", async () => {
    await deps.dataKeys.read();
    const outcomes = await Promise.all(Array.from({ length: 16 }, () => outcomeOf(rotateDataKey(deps))));
    const present = (await deps.dataKeys.read())!;
    const won = outcomes.filter((outcome) => outcome === undefined).length;
    expect(won).to.be.at.least(1);
    expect(present.keys.map(({ keyId }) => keyId)).to.deep.equal(
      Array.from({ length: won + 1 }, (_, index) => `data-${index + 1}`),
    );
    expect(present.primary).to.equal(`data-${won + 1}`);
    await expectReadable();
  });

  it("retires a key once nothing uses it, not before, and never the primary one", async () => {
    expect(await codeOf(retireDataKey(deps, "data-1"))).to.equal("data_key.primary");
    expect(await codeOf(retireDataKey(deps, "data-9"))).to.equal("data_key.unknown");
    await rotateDataKey(deps);
    expect(await codeOf(retireDataKey(deps, "data-1"))).to.equal("data_key.too_recent");
    clock.advance(RETIREMENT_SECONDS);
    expect(await codeOf(retireDataKey(deps, "data-1"))).to.equal("data_key.in_use");
    const before = (await people().findOne({ _id: "0001" }))!.name;
    await reencryptFields(deps);
    await retireDataKey(deps, "data-1");
    expect((await deps.dataKeys.read())!.keys.map(({ keyId }) => keyId)).to.deep.equal(["data-2"]);
    await expectReadable();
    // A copy of the database from before is unreadable now.
    const error = await createFieldCipher(deps)
      .decrypt(place("name", "0001"), before)
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(FieldUnreadableError);
    expect(await codeOf(deps.keys.sign("data-1", Buffer.from("x")))).to.equal("key.unknown");
    // No id is given twice.
    expect(await rotateDataKey(deps)).to.deep.equal({ from: "data-2", to: "data-3" });
  });

  it("retires a key again whose retirement was killed after its key was destroyed", async () => {
    await rotateDataKey(deps);
    await reencryptFields(deps);
    clock.advance(RETIREMENT_SECONDS);
    const killed = { ...deps, dataKeys: { ...deps.dataKeys, remove: () => Promise.reject(new Error("killed")) } };
    expect(await outcomeOf(retireDataKey(killed, "data-1"))).to.equal("killed");
    await retireDataKey(deps, "data-1");
    expect((await deps.dataKeys.read())!.keys.map(({ keyId }) => keyId)).to.deep.equal(["data-2"]);
  });
});

async function outcomeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error as { code?: string }).code,
  );
}

import { Schema } from "mongoose";
import { addSeconds } from "../../core/clock";
import type { EncryptedFields, FieldCipher } from "../../core/keys/fieldCipher";
import { isDuplicateKey, type Mongo } from "../../core/mongo";
import type { Command, Outcome, Run, StoredCommand } from "./rules";

/** As it is stored: `outcome` is encrypted, because answers hold what concerns the user. */
type Stored = Omit<StoredCommand, "commandId" | "outcome"> & { _id: string; outcome: string | null; purgeAt: Date };

/** What of a command is encrypted. */
export const ENCRYPTED_COMMAND_FIELDS = {
  collection: "device_commands",
  fields: ["outcome"],
} as const satisfies EncryptedFields;

/** How long the first answer answers retries. A device's request is fresh for two minutes; its user may retry for longer. */
const RETENTION_SECONDS = 24 * 60 * 60;

/** When a run began that is known to have ended without an answer. */
const LONG_AGO = new Date(0);

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    digest: { type: String, required: true },
    status: { type: String, enum: ["running", "done"], required: true },
    runId: { type: String, required: true },
    startedAt: { type: Date, required: true },
    outcome: { type: String, default: null },
    purgeAt: { type: Date, required: true },
  },
  { collection: "device_commands", versionKey: false },
);
schema.index({ userId: 1 });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `device_commands`. */
export interface CommandStore {
  /** Adds a command as running; false when it is stored already, also when both were added at the same moment. */
  insert(command: Command, run: Run): Promise<boolean>;
  find(commandId: string): Promise<StoredCommand | null>;
  /** Takes a running command over from the run `fromRunId`; false when another run did, or it ended meanwhile. */
  takeOver(commandId: string, fromRunId: string, run: Run): Promise<boolean>;
  /** Stores what came of a command, unless another run took it over. */
  finish(commandId: string, runId: string, outcome: Outcome): Promise<void>;
  /** Says that a run ended without an answer, so that the next may begin at once. */
  abandon(commandId: string, runId: string): Promise<void>;
  /** All of a user's commands that are stored, the newest first. */
  ofUser(userId: string): Promise<StoredCommand[]>;
  deleteOf(userId: string): Promise<void>;
}

/** Creates the store of devices' commands. */
export function createCommandStore(deps: { mongo: Mongo; fields: FieldCipher }): CommandStore {
  const { mongo, fields } = deps;
  const model = mongo.model<Stored>("DeviceCommand", schema);
  const placeOf = (id: string) => ({ collection: ENCRYPTED_COMMAND_FIELDS.collection, field: "outcome", id });

  async function decrypt({ _id, outcome, ...stored }: Stored): Promise<StoredCommand> {
    const { userId, digest, status, runId, startedAt } = stored;
    const text = outcome === null ? null : await fields.decrypt(placeOf(_id), outcome);
    return {
      commandId: _id,
      userId,
      digest,
      status,
      runId,
      startedAt,
      outcome: text === null ? null : (JSON.parse(text) as Outcome),
    };
  }

  return {
    async insert({ commandId: _id, userId, digest }, { runId, startedAt }) {
      const purgeAt = addSeconds(startedAt, RETENTION_SECONDS);
      try {
        await model.create({ _id, userId, digest, status: "running", runId, startedAt, outcome: null, purgeAt });
        return true;
      } catch (error) {
        if (isDuplicateKey(error, "_id")) return false;
        throw error;
      }
    },
    async find(commandId) {
      const found = await model.findById(commandId).lean();
      return found && decrypt(found);
    },
    async takeOver(commandId, fromRunId, { runId, startedAt }) {
      const { modifiedCount } = await model.updateOne(
        { _id: commandId, status: "running", runId: fromRunId },
        { $set: { runId, startedAt } },
      );
      return modifiedCount === 1;
    },
    async finish(commandId, runId, outcome) {
      const encrypted = await fields.encrypt(placeOf(commandId), JSON.stringify(outcome));
      await model.updateOne(
        { _id: commandId, runId, status: "running" },
        { $set: { status: "done", outcome: encrypted } },
      );
    },
    async abandon(commandId, runId) {
      await model.updateOne({ _id: commandId, runId, status: "running" }, { $set: { startedAt: LONG_AGO } });
    },
    ofUser: async (userId) => Promise.all((await model.find({ userId }).sort({ startedAt: -1 }).lean()).map(decrypt)),
    async deleteOf(userId) {
      await model.deleteMany({ userId });
    },
  };
}

import { Schema } from "mongoose";
import { isDuplicateKey, type Mongo } from "../../core/mongo";
import {
  CONTROL_TYPES,
  type ControlOperation,
  type ControlWrite,
  OPERATION_STATES,
  type OperationError,
  type OperationState,
} from "./rules";

/** Integers beyond a double's are stored in decimal. */
type Stored = Omit<ControlOperation, "operationId" | "write" | "terms"> & {
  _id: string;
  write: { type: ControlWrite["type"]; values: Record<string, string> };
  terms: { signer: string; nonce: string; deadline: number };
  /** Whether it takes its slot. */
  open: boolean;
};

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    identity: { type: String, required: true },
    write: {
      type: new Schema(
        { type: { type: String, enum: CONTROL_TYPES, required: true }, values: { type: Object, required: true } },
        { _id: false },
      ),
      required: true,
    },
    terms: {
      type: new Schema(
        {
          signer: { type: String, required: true },
          nonce: { type: String, required: true },
          deadline: { type: Number, required: true },
        },
        { _id: false },
      ),
      required: true,
    },
    signature: { type: String, required: true },
    requestedBy: { type: String, default: null },
    slot: { type: String, required: true },
    state: { type: String, enum: OPERATION_STATES, required: true },
    attempt: { type: Number, required: true },
    transactionHash: { type: String, default: null },
    blockNumber: { type: Number, default: null },
    error: { type: new Schema({ code: String, message: String }, { _id: false }), default: null },
    createdAt: { type: Date, required: true },
    updatedAt: { type: Date, required: true },
    open: { type: Boolean, required: true },
  },
  { collection: "control_operations", versionKey: false },
);
schema.index({ requestedBy: 1, createdAt: 1 });
// One operation of a slot under way.
schema.index({ slot: 1 }, { unique: true, partialFilterExpression: { open: true } });
schema.index({ slot: 1, createdAt: 1 });
schema.index({ state: 1, updatedAt: 1 });

/** The collection `control_operations`. */
export interface OperationStore {
  /** Stores a new operation. One caller gets `inserted`; `slot_taken` while another one of its slot is under way. */
  insert(operation: ControlOperation): Promise<"inserted" | "exists" | "slot_taken">;
  find(operationId: string): Promise<ControlOperation | null>;
  /** Whether an operation of the slot is under way. */
  isTaken(slot: string): Promise<boolean>;
  /** When the operations of a slot since `since` were stored, the oldest first. */
  createdSince(slot: string, since: Date): Promise<Date[]>;
  /**
   * Begins an operation anew, once for each attempt. One caller gets `begun`; `slot_taken` while another one of its
   * slot is under way.
   *
   * @param from the state and the attempt that it must be in
   */
  beginAgain(
    operationId: string,
    from: { state: OperationState; attempt: number },
    now: Date,
  ): Promise<"begun" | "moved_on" | "slot_taken">;
  /** A node took a transaction. */
  markSubmitted(operationId: string, transactionHash: string, now: Date): Promise<void>;
  /** Records why a try failed that will be repeated. */
  recordError(operationId: string, error: OperationError, now: Date): Promise<void>;
  /** Its effect is on the chain; by which transaction is known only if it was ours. */
  markMined(operationId: string, by: { transactionHash: string; blockNumber: number } | null, now: Date): Promise<void>;
  /** The index shows it, by this transaction. */
  markFinal(operationId: string, by: { transactionHash: string; blockNumber: number }, now: Date): Promise<void>;
  markFailed(
    operationId: string,
    from: { state: OperationState[]; attempt: number },
    error: OperationError,
    now: Date,
  ): Promise<void>;
  /** Those in a state since before `before`, the longest waiting first. */
  waiting(state: OperationState, before: Date, limit: number): Promise<ControlOperation[]>;
  /** Those that a user asked for, the first first. */
  ofUser(userId: string): Promise<ControlOperation[]>;
  /** Takes the user out of what the user asked for. */
  removeUser(userId: string): Promise<void>;
  countByState(): Promise<Record<OperationState, number>>;
}

/** Creates the store of changes of control. */
export function createOperationStore(mongo: Mongo): OperationStore {
  const model = mongo.model<Stored>("ControlOperation", schema);

  async function move(operationId: string, from: OperationState[], set: Partial<Stored>): Promise<void> {
    await model.updateOne({ _id: operationId, state: { $in: from } }, { $set: set });
  }

  return {
    async insert(operation) {
      try {
        await model.create(toStored(operation));
        return "inserted";
      } catch (error) {
        // Of one consent handed in twice at once both keys may be taken: the operation itself says more.
        if (isDuplicateKey(error))
          return (await model.exists({ _id: operation.operationId })) ? "exists" : "slot_taken";
        throw error;
      }
    },
    async find(operationId) {
      const stored = await model.findById(operationId).lean();
      return stored === null ? null : fromStored(stored);
    },
    isTaken: async (slot) => (await model.exists({ slot, open: true })) !== null,
    async createdSince(slot, since) {
      const found = await model
        .find({ slot, createdAt: { $gt: since } }, { createdAt: 1 })
        .sort({ createdAt: 1 })
        .lean();
      return found.map(({ createdAt }) => createdAt);
    },
    async beginAgain(operationId, { state, attempt }, updatedAt) {
      try {
        const begun = await model.updateOne(
          { _id: operationId, state, attempt },
          {
            $set: { state: "queued", open: true, transactionHash: null, blockNumber: null, error: null, updatedAt },
            $inc: { attempt: 1 },
          },
        );
        return begun.modifiedCount === 1 ? "begun" : "moved_on";
      } catch (error) {
        if (isDuplicateKey(error, "slot")) return "slot_taken";
        throw error;
      }
    },
    markSubmitted: (operationId, transactionHash, updatedAt) =>
      move(operationId, ["queued", "submitted"], { state: "submitted", transactionHash, error: null, updatedAt }),
    recordError: (operationId, error, updatedAt) => move(operationId, ["queued", "submitted"], { error, updatedAt }),
    markMined(operationId, by, updatedAt) {
      const mined: Partial<Stored> = { state: "mined", error: null, updatedAt };
      if (by === null) {
        return move(operationId, ["queued", "submitted"], { ...mined, transactionHash: null, blockNumber: null });
      }
      // From `mined` again after a reorg put it into another block.
      const { transactionHash, blockNumber } = by;
      return move(operationId, ["queued", "submitted", "mined", "failed"], { ...mined, transactionHash, blockNumber });
    },
    markFinal: (operationId, { transactionHash, blockNumber }, updatedAt) =>
      move(operationId, ["mined"], { state: "final", open: false, transactionHash, blockNumber, updatedAt }),
    async markFailed(operationId, { state, attempt }, error, updatedAt) {
      await model.updateOne(
        { _id: operationId, state: { $in: state }, attempt },
        { $set: { state: "failed", open: false, error, updatedAt } },
      );
    },
    async waiting(state, before, limit) {
      const found = await model
        .find({ state, updatedAt: { $lt: before } })
        .sort({ updatedAt: 1 })
        .limit(limit)
        .lean();
      return found.map(fromStored);
    },
    async ofUser(userId) {
      const found = await model.find({ requestedBy: userId }).sort({ createdAt: 1 }).lean();
      return found.map(fromStored);
    },
    async removeUser(userId) {
      await model.updateMany({ requestedBy: userId }, { $set: { requestedBy: null } });
    },
    async countByState() {
      const count = async (state: OperationState) => [state, await model.countDocuments({ state })] as const;
      const counted = await Promise.all(OPERATION_STATES.map(count));
      return Object.fromEntries(counted) as Record<OperationState, number>;
    },
  };
}

function toStored({ operationId, write, terms, ...rest }: ControlOperation): Stored {
  const values = Object.entries(write.values).map(([name, value]) => [name, String(value)]);
  return {
    ...rest,
    _id: operationId,
    write: { type: write.type, values: Object.fromEntries(values) as Record<string, string> },
    terms: { ...terms, nonce: terms.nonce.toString() },
    open: rest.state !== "final" && rest.state !== "failed",
  };
}

function fromStored({ _id, write, terms, ...stored }: Stored): ControlOperation {
  const { open: _open, ...rest } = stored;
  const { type, values } = write;
  // As it was stored: only what was a bigint is text now.
  const restored = type === "CancelNonces" ? { ...values, nextNonce: BigInt(values["nextNonce"] ?? "") } : values;
  return {
    ...rest,
    operationId: _id,
    write: { type, values: restored } as unknown as ControlWrite,
    terms: { ...terms, nonce: BigInt(terms.nonce) },
  };
}

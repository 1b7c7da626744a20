import { Schema } from "mongoose";
import type { Mongo } from "../../core/mongo";

/** Whether the relayer may spend, as its operators said last. */
export interface StopState {
  stopped: boolean;
  /** What the operator noted; empty when nothing was. */
  reason: string;
  changedAt: Date;
}

type Stored = StopState & { _id: string };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    stopped: { type: Boolean, required: true },
    reason: { type: String, default: "" },
    changedAt: { type: Date, required: true },
  },
  { collection: "relayer_switch", versionKey: false },
);

const ID = "relayer";

/** The collection `relayer_switch`: one document that every process reads before it spends. */
export interface StopSwitch {
  /** Null until an operator used it. */
  read(): Promise<StopState | null>;
  set(state: StopState): Promise<void>;
}

/** Creates the switch by which operators stop the relayer, without a restart. */
export function createStopSwitch(mongo: Mongo): StopSwitch {
  const model = mongo.model<Stored>("RelayerSwitch", schema);
  return {
    read: () => model.findById(ID, { _id: 0 }).lean<StopState>(),
    async set(state) {
      await model.updateOne({ _id: ID }, { $set: state }, { upsert: true });
    },
  };
}

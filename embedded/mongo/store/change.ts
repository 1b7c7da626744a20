import type { IndexSpec } from "./fieldIndex";
import type { Doc } from "../bson/values";

/** One change as the journal stores it; replayed in order they give the same store again. */
export type Change =
  | { op: "put"; ns: string; document: Doc }
  | { op: "remove"; ns: string; id: unknown }
  | { op: "create"; ns: string }
  | { op: "drop"; ns: string }
  | { op: "rename"; ns: string; to: string }
  | { op: "index"; ns: string; spec: IndexSpec }
  | { op: "dropIndex"; ns: string; name: string };

/** An entry of a compacted journal: a change, or a document that was never decoded. */
export type Snapshot = Change | { op: "encoded"; ns: string; document: Uint8Array };

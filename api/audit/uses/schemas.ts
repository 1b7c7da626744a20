import { z } from "zod";
import type { AnchoredUse, PendingUse } from "./actions";

export const useParams = z.strictObject({
  id: z.uuid().meta({ description: "The id of the verification in which the credential was used" }),
});

const moment = z.iso.datetime();
const hash = z.string().meta({ description: "32 bytes, `0x` and 64 hexadecimal digits" });

const pendingReply = z.strictObject({
  id: z.uuid(),
  status: z.literal("pending"),
  step: z.enum(["waiting", "queued", "submitted", "mined"]).meta({
    description: "`waiting` for a batch; then how far the batch is",
  }),
  dueAt: moment.nullable().meta({ description: "When it is batched at the latest; null where nothing is anchored" }),
});
const anchoredReply = z.strictObject({
  id: z.uuid(),
  status: z.literal("anchored"),
  chainId: z.int(),
  leaf: z.strictObject({
    salt: hash,
    credId: z.string().meta({ description: "The credential's name on the chain" }),
    useNumber: z.int().meta({ description: "Which use of the credential it is, from 1" }),
    maxUsages: z.int(),
    usedAt: moment,
  }),
  leafHash: hash,
  index: z.int().meta({ description: "Where the leaf is in its tree, from 0" }),
  size: z.int().meta({ description: "Leaves of the tree" }),
  path: z.array(hash).meta({ description: "Inclusion proof (RFC 9162 §2.1.3), the nearest sibling first" }),
  root: hash,
  digest: hash.meta({ description: "What is anchored: SHA-256 of the byte 2, `size` in 8 bytes, and `root`" }),
  registry: z.string().meta({ description: "The DIDRegistry that anchored it" }),
  anchor: z.strictObject({
    identity: z.string().meta({ description: "The operator, in whose name it was anchored" }),
    sequence: z.int().meta({ description: "How many digests that identity had anchored by then" }),
    transactionHash: z.string().meta({ description: "For explorers; the proof does not need it" }),
    blockNumber: z.int(),
    blockHash: hash,
    minedAt: moment,
  }),
  proof: z
    .strictObject({
      block: z.strictObject({ number: z.int(), hash }),
      header: z.string().meta({ description: "RLP of the block's header" }),
      transactionIndex: z.int(),
      logIndex: z.int().meta({ description: "The event's place among those of its transaction" }),
      receiptProof: z.array(z.string()),
    })
    .nullable()
    .meta({ description: "For `npm run audit:verify`; null where the node gives none" }),
});
export const useReply = z.discriminatedUnion("status", [pendingReply, anchoredReply]);

/** A use as it goes out. */
export function showUse(use: PendingUse | AnchoredUse): z.input<typeof useReply> {
  if (use.status === "pending") return { ...use, dueAt: use.dueAt?.toISOString() ?? null };
  const { identity, sequence, transactionHash, blockNumber, blockHash, minedAt } = use.anchor;
  return {
    ...use,
    anchor: { identity, sequence, transactionHash, blockNumber, blockHash, minedAt: minedAt.toISOString() },
  };
}

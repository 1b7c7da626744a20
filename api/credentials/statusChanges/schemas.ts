import { z } from "zod";
import { STATUS_CHANGES } from "../rules";
import { CHANGE_STATES, type StatusChangeJob } from "./rules";

/** Most credentials one change of status may name: a word of the chain. */
const MAX_BATCH = 256;

const moment = z.iso.datetime();
const credentialId = z.uuid().meta({ description: "The credential's id" });

export const changeBody = z
  .strictObject({
    credentialId: credentialId.optional(),
    credentialIds: z.array(credentialId).min(1).max(MAX_BATCH).optional(),
  })
  .refine(({ credentialId: one, credentialIds: many }) => (one === undefined) !== (many === undefined), {
    message: "give either credentialId or credentialIds",
  });

export const changeParams = z.strictObject({ id: credentialId });

export const changeReply = z.strictObject({
  jobId: z.uuid(),
  change: z.enum(STATUS_CHANGES),
  status: z.enum(CHANGE_STATES).meta({ description: "`final` when the index shows it" }),
  credentialIds: z.array(z.uuid()),
  transactionHash: z.string().nullable(),
  blockNumber: z.int().nullable(),
  fault: z.string().nullable(),
  createdAt: moment,
  updatedAt: moment,
});

/** A change of status as it goes out. */
export function showChange(job: StatusChangeJob): z.input<typeof changeReply> {
  return {
    jobId: job.changeId,
    change: job.change,
    status: job.state,
    credentialIds: job.credentialIds,
    transactionHash: job.transactionHash,
    blockNumber: job.blockNumber,
    fault: job.error,
    createdAt: job.createdAt.toISOString(),
    updatedAt: job.updatedAt.toISOString(),
  };
}

/** An identity's packed header, as `headers` of the DIDRegistry and its storage have it. Zero: no event ever. */
export interface IdentityHeader {
  stage: "self" | "handedOver" | "deactivated";
  /** Whether a document's URI was published. */
  registered: boolean;
  /** Whether a successor is named. */
  guarded: boolean;
  version: number;
  controlVersion: number;
  nonceCount: number;
  anchorSequence: number;
  statusSequence: number;
  /** Unix seconds of the first and the last version; 0 without one. */
  createdAt: number;
  updatedAt: number;
}

const STAGES = ["self", "handedOver", "deactivated"] as const;

/**
 * Reads a header; its fields stand from the least significant bit on.
 *
 * @param header 256 bits
 * @throws RangeError for a stage that the registry does not have
 */
export function parseHeader(header: bigint): IdentityHeader {
  const field = (at: bigint, bits: number) => Number(BigInt.asUintN(bits, header >> at));
  const stage = STAGES[field(0n, 2)];
  if (stage === undefined) throw new RangeError(`no identity is of the stage ${field(0n, 2)}`);
  return {
    stage,
    registered: field(2n, 1) === 1,
    guarded: field(3n, 1) === 1,
    version: field(8n, 32),
    controlVersion: field(40n, 32),
    nonceCount: field(72n, 32),
    anchorSequence: field(104n, 32),
    createdAt: field(136n, 40),
    updatedAt: field(176n, 40),
    statusSequence: field(216n, 40),
  };
}

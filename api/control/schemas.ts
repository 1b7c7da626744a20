import { ZeroHash } from "ethers";
import { z } from "zod";
import { formatDid } from "../../chain/did/did";
import type { Consent } from "../../chain/registry/consents";
import { accountAddress, accountDid, accountSignature, typedDataReply } from "../http/accountFields";
import type { PreparedConsent } from "./actions";
import { type ControlChange, type ControlOperation, type ControlType, OPERATION_STATES, powerOf } from "./rules";

const ZERO_ADDRESS = `0x${"0".repeat(40)}`;
const MAX_UINT256_DIGITS = 78;

/** What each operation is called in paths and answers. */
export const PATHS = {
  NameSuccessor: "name-successor",
  RotateController: "rotate",
  ChangeController: "change-controller",
  CancelNonces: "cancel-consents",
} as const satisfies Record<ControlType, string>;

const did = accountDid.meta({ description: "The identity's DID" });

const bytes32 = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, "is not 32 bytes: give 0x and 64 hexadecimal digits")
  .transform((text) => text.toLowerCase());

const commitment = bytes32
  .refine((text) => text !== ZeroHash, "is zero, which commits to nobody")
  .meta({
    description: "`keccak256(abi.encode(identity, successor, salt))`: addresses, and 32 random bytes",
    examples: ["0x7567ef40a66ecec0e7ffa0e06d1fc05d21ed84a388cf6bb1f95dafe8a6cdbae3"],
  });

const salt = bytes32.meta({ description: "The salt of the commitment", examples: [`0x${"5a".repeat(32)}`] });

const nextCommitment = bytes32.default(ZeroHash).meta({
  description: "The commitment to the next successor. Without one there is none, until the new controller names one.",
});

const newController = accountAddress
  .refine((text) => text !== ZERO_ADDRESS, "is the zero address, which controls nothing")
  .meta({ description: "The account that shall control the identity" });

const successor = accountAddress.meta({ description: "The account that the identity committed to, and that signs" });

const deadline = z
  .int()
  .positive()
  .meta({ description: "The last second at which the signature counts, Unix seconds", examples: [1_795_996_800] });

const terms = {
  signer: accountAddress.meta({ description: "The account that signs" }),
  nonce: z
    .string()
    // The rules after these read it as a number.
    .regex(/^(0|[1-9][0-9]*)$/, { message: "is not a decimal number", abort: true })
    .max(MAX_UINT256_DIGITS, { message: "has more digits than 256 bits", abort: true })
    .refine((digits) => BigInt(digits) < 2n ** 256n, "is more than 256 bits")
    .meta({ description: "In decimal", examples: ["0"] }),
  deadline,
};

const consent = z
  .strictObject({ ...terms, signature: accountSignature })
  .transform(({ nonce, ...rest }): Consent => ({ ...rest, nonce: BigInt(nonce) }))
  .meta({ description: "As it came with the typed data, and the signature over that" });

/** What an operation changes, beside whose identity it is: the members of its {@link ControlChange}. */
const FIELDS: {
  [Type in ControlType]: Record<Exclude<keyof Extract<ControlChange, { type: Type }>, "type">, z.ZodType<string>>;
} = {
  NameSuccessor: { commitment },
  RotateController: { salt, nextCommitment },
  ChangeController: { newController },
  CancelNonces: {},
};

/** What typed data is asked for. */
export interface ConsentQuestion {
  did: string;
  change: ControlChange;
  /** Who signs; null where it is the controller. */
  successor: string | null;
}

/** A signed consent as it arrives. */
export interface SignedConsent {
  did: string;
  change: ControlChange;
  consent: Consent;
}

/** What typed data of an operation is asked for with. */
export function questionBody(type: ControlType): z.ZodType<ConsentQuestion> {
  const signer: z.ZodRawShape = powerOf(type) === "successor" ? { successor } : {};
  const fields: z.ZodRawShape = FIELDS[type];
  return z.strictObject({ did, ...signer, ...fields }).transform((body) => {
    const { did: of, successor: given = null, ...change } = body as { did: string; successor?: string };
    return { did: of, change: { type, ...change } as ControlChange, successor: given };
  });
}

/** What an operation's signed consent is handed in with. */
export function consentBody(type: ControlType): z.ZodType<SignedConsent> {
  const fields: z.ZodRawShape = FIELDS[type];
  return z.strictObject({ did, ...fields, consent }).transform((body) => {
    const { did: of, consent: given, ...change } = body;
    return { did: of, change: { type, ...change } as ControlChange, consent: given };
  });
}

/** The answer with typed data: with `consent.signature` added and `typedData` left out, what is to be handed in. */
export function preparedReply(type: ControlType): z.ZodType {
  const fields: z.ZodRawShape = Object.fromEntries(Object.keys(FIELDS[type]).map((name) => [name, z.string()]));
  return z.strictObject({
    did: z.string(),
    ...fields,
    consent: z.strictObject({ signer: z.string(), nonce: z.string(), deadline }),
    typedData: typedDataReply,
  });
}

/** Typed data as it goes out. */
export function showPrepared({ did: of, change }: ConsentQuestion, { terms: given, typedData }: PreparedConsent) {
  const { type: _type, ...fields } = change;
  const { signer, nonce, deadline: until } = given;
  return { did: of, ...fields, consent: { signer, nonce: nonce.toString(), deadline: until }, typedData };
}

export const operationParams = z.strictObject({
  id: bytes32.meta({ description: "The operation's id: the digest that was signed" }),
});

const moment = z.iso.datetime();

export const operationReply = z.strictObject({
  operationId: z.string().meta({ description: "The digest that was signed (EIP-712)" }),
  operation: z.enum(Object.values(PATHS)),
  did: z.string(),
  signer: z.string(),
  status: z.enum(OPERATION_STATES).meta({ description: "`final` when the index shows it" }),
  transactionHash: z.string().nullable(),
  blockNumber: z.int().nullable(),
  error: z
    .strictObject({ code: z.string(), message: z.string() })
    .optional()
    .meta({ description: "Why it failed, or what it waits for" }),
  createdAt: moment,
  updatedAt: moment,
});

/** An operation as it goes out. */
export function showOperation(operation: ControlOperation, didMethod: string): z.input<typeof operationReply> {
  const { operationId, write, identity, terms: given, state, transactionHash, blockNumber, error } = operation;
  return {
    operationId,
    operation: PATHS[write.type],
    did: formatDid(didMethod, identity),
    signer: given.signer,
    status: state,
    transactionHash,
    blockNumber,
    ...(error !== null && { error }),
    createdAt: operation.createdAt.toISOString(),
    updatedAt: operation.updatedAt.toISOString(),
  };
}

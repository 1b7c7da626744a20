/** Gas of a transaction before it does anything; an estimate of a single registration includes it. */
const TRANSACTION_GAS = 21_000n;

/** What `registerManyWithConsent` gives the check of a contract's or an ERC-7913 key's signature. */
const SIGNATURE_GAS = 400_000n;

/** What must be left for a call to get that much: it never gets more than 63 parts of 64 (EIP-150). */
const SIGNATURE_RESERVE = (SIGNATURE_GAS * 64n) / 63n + 1n;

/** What `registerManyWithConsent` wants to be left at each entry, used or not. */
const ENTRY_RESERVE = 500_000n;

/** Most gas that a registration may cost by itself to be sent among others, where a contract decides on its signature. */
export const MAX_SHARED_GAS = 500_000n;

/**
 * Most wallets of a transaction: at 50 an identity costs 62,300 gas, at 200 61,900, so more would save nothing, and more
 * would wait for one transaction.
 */
export const MAX_BATCH_SIZE = 100;

/** Most gas of a transaction: half of what EIP-7825 allows, so that it finds room in a block that holds others too. */
const MAX_BATCH_GAS = 8_388_608n;

/** A registration and what it may cost. */
export interface PricedEntry<Entry> {
  entry: Entry;
  /** By `eth_estimateGas`, for a transaction that makes this registration alone. */
  estimate: bigint;
  /** Whether a contract decides on the signature, which may use more gas in a block than it did in the estimate. */
  asksContract: boolean;
}

/** Registrations for one transaction, and the gas to give it. */
export interface RegistrationBatch<Entry> {
  entries: Entry[];
  /** The gas of each entry, in their order. */
  gasOf: bigint[];
  gasLimit: bigint;
}

/**
 * Puts registrations together into transactions. Their gas is the sum of what each costs by itself, and for a signature
 * that a contract decides on all that the registry lets it use: whatever it does in the block, the others have enough.
 *
 * @returns the batches, and the entries that are the only ones of theirs
 */
export function packBatches<Entry>(priced: PricedEntry<Entry>[]): {
  batches: RegistrationBatch<Entry>[];
  alone: Entry[];
} {
  const packed: RegistrationBatch<Entry>[] = [];
  for (const { entry, estimate, asksContract } of priced) {
    // A tenth more, as what it costs may change between the estimate and the block.
    const gas = ((estimate - TRANSACTION_GAS) * 11n) / 10n + (asksContract ? SIGNATURE_RESERVE : 0n);
    const open = packed.at(-1);
    if (open !== undefined && open.entries.length < MAX_BATCH_SIZE && open.gasLimit + gas <= MAX_BATCH_GAS) {
      open.entries.push(entry);
      open.gasOf.push(gas);
      open.gasLimit += gas;
    } else {
      packed.push({ entries: [entry], gasOf: [gas], gasLimit: TRANSACTION_GAS + ENTRY_RESERVE + gas });
    }
  }
  return {
    batches: packed.filter(({ entries }) => entries.length > 1),
    alone: packed.filter(({ entries }) => entries.length === 1).flatMap(({ entries }) => entries),
  };
}

/** A batch without the entries that are not to be sent, and without their gas. */
export function withoutEntries<Entry>(
  { entries, gasOf, gasLimit }: RegistrationBatch<Entry>,
  isSent: (entry: Entry) => boolean,
): RegistrationBatch<Entry> {
  const sent = entries.map(isSent);
  const saved = gasOf.reduce((sum, gas, at) => (sent[at] === true ? sum : sum + gas), 0n);
  return {
    entries: entries.filter((_, at) => sent[at]),
    gasOf: gasOf.filter((_, at) => sent[at]),
    gasLimit: gasLimit - saved,
  };
}

/**
 * The first entries of a batch that a transaction of so much gas has room for.
 *
 * @returns the batch, which may be empty, and the entries that are left
 */
export function fitBatch<Entry>(
  batch: RegistrationBatch<Entry>,
  gas: bigint,
): { batch: RegistrationBatch<Entry>; left: Entry[] } {
  let gasLimit = TRANSACTION_GAS + ENTRY_RESERVE;
  const fitting = batch.gasOf.findIndex((of) => (gasLimit += of) > gas);
  const left = fitting === -1 ? [] : batch.entries.slice(fitting);
  return { batch: withoutEntries(batch, (entry) => !left.includes(entry)), left };
}

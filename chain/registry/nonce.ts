/**
 * The nonce of a consent says which power it uses and how often that was used: `grant << 64 | count`. The grant is the
 * version at which control last changed for a controller, the version of the delegation for a delegate, so that a
 * consent never outlives the power it was signed with.
 */
export interface ConsentNonce {
  grant: number;
  count: number;
}

const COUNT_BITS = 64n;

/** The two parts of a nonce. */
export function parseNonce(nonce: bigint): ConsentNonce {
  return { grant: Number(nonce >> COUNT_BITS), count: Number(BigInt.asUintN(Number(COUNT_BITS), nonce)) };
}

/** The nonce of a grant and a count. */
export function formatNonce({ grant, count }: ConsentNonce): bigint {
  return (BigInt(grant) << COUNT_BITS) | BigInt(count);
}

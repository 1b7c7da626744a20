/**
 * What a list of an issuer says of its credentials, by the names of `statusPurpose` (W3C Bitstring Status List v1.0,
 * section 2.1), in the order of the registry's purposes. The registry has 256: 3 to 127 are reserved, 128 to 255 are the
 * issuer's own and have no name.
 */
export const STATUS_PURPOSES = ["revocation", "suspension", "refresh"] as const;

export type StatusPurpose = (typeof STATUS_PURPOSES)[number];

/** The registry's number of a named purpose. */
export const PURPOSE = { revocation: 0, suspension: 1, refresh: 2 } as const satisfies Record<StatusPurpose, number>;

/** The registry's highest purpose. */
export const MAX_PURPOSE = 255;

/** The name of a purpose; undefined for those without one. */
export function purposeName(purpose: number): StatusPurpose | undefined {
  return STATUS_PURPOSES[purpose];
}

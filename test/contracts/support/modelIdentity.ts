import { ZeroHash } from "ethers";

export interface ModelDelegation {
  expiresAt: bigint;
  grantVersion: bigint;
  nonceCount: bigint;
}

export interface ModelIdentity {
  readonly address: string;
  deactivated: boolean;
  controller: string;
  registered: boolean;
  /** The successor's commitment; zero while the identity is not guarded. */
  commitment: string;
  documentUri: string;
  documentHash: string;
  version: bigint;
  controlVersion: bigint;
  nonceCount: bigint;
  anchorSequence: bigint;
  statusSequence: bigint;
  createdAt: bigint;
  updatedAt: bigint;
  /** By {@link delegationKey}. */
  delegations: Map<string, ModelDelegation>;
  /** By `purpose:word`; a word that is zero may be missing. */
  words: Map<string, bigint>;
}

/** Where an identity's delegation is in its map. */
export function delegationKey(role: string, delegate: string): string {
  return `${role} ${delegate}`;
}

/** An identity that nobody ever wrote to. */
export function neverWritten(address: string): ModelIdentity {
  return {
    address,
    deactivated: false,
    controller: address,
    registered: false,
    commitment: ZeroHash,
    documentUri: "",
    documentHash: ZeroHash,
    version: 0n,
    controlVersion: 0n,
    nonceCount: 0n,
    anchorSequence: 0n,
    statusSequence: 0n,
    createdAt: 0n,
    updatedAt: 0n,
    delegations: new Map(),
    words: new Map(),
  };
}

/** A copy that later changes do not reach. */
export function copyOf(identity: ModelIdentity): ModelIdentity {
  const delegations = [...identity.delegations].map(([key, delegation]) => [key, { ...delegation }] as const);
  return { ...identity, delegations: new Map(delegations), words: new Map(identity.words) };
}

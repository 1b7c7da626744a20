import { ZeroHash } from "ethers";
import type { DecodedEvent } from "./interfaceCodec";
import { commitmentOf, saltOf } from "./registry";

/** What the events say of a delegation. */
export interface FoldedDelegation {
  role: string;
  delegate: string;
  expiresAt: bigint;
  grantVersion: bigint;
  nonceCount: bigint;
}

/** What the events say of an identity. */
export interface FoldedIdentity {
  controller: string;
  commitment: string;
  registered: boolean;
  deactivated: boolean;
  documentUri: string;
  documentHash: string;
  version: bigint;
  controlVersion: bigint;
  nonceCount: bigint;
  anchorSequence: bigint;
  statusSequence: bigint;
  createdAt: bigint;
  updatedAt: bigint;
  delegations: Map<string, FoldedDelegation>;
  /** By `purpose:word`. */
  words: Map<string, bigint>;
}

const COUNT = 2n ** 64n - 1n;

/**
 * The registry's state as its events tell it, without a look at the contract or the model. Throws on an event that must
 * not be: a gap in a counter, a nonce twice, anything of a deactivated identity, a change of control past a successor.
 */
export class EventFold {
  readonly identities = new Map<string, FoldedIdentity>();

  apply({ name, args, fields }: DecodedEvent, time: bigint): void {
    const address = String(args[0]);
    const identity = this.identities.get(address) ?? neverWritten(address);
    this.identities.set(address, identity);
    if (identity.deactivated) throw new Error(`${name} of ${address}, which is deactivated.`);
    const text = (field: string) => String(fields[field]);
    const number = (field: string) => fields[field] as bigint;
    const numbers = (field: string) => [...(fields[field] as bigint[])];
    if ("version" in fields) countVersion(identity, number("version"), time);
    switch (name) {
      case "DIDRegistered":
        if (identity.registered) throw new Error(`${address} registered twice.`);
        if (identity.controller !== address) throw new Error(`${address} registered when it did not control itself.`);
        {
          publish(identity, text("documentUri"), text("documentHash"));
          return;
        }
      case "DocumentUpdated": {
        publish(identity, text("documentUri"), text("documentHash"));
        return;
      }
      case "ControllerChanged":
        requireUnguarded(identity, name);
        if (identity.controller === text("controller")) throw new Error("ControllerChanged to the same controller.");
        {
          takeControl(identity, text("controller"));
          return;
        }
      case "SuccessorNamed":
        requireUnguarded(identity, name);
        identity.commitment = text("commitment");
        return;
      case "ControllerRotated":
        requireCommitted(address, identity, text("controller"));
        identity.commitment = text("commitment");
        {
          takeControl(identity, text("controller"));
          return;
        }
      case "DelegateAdded": {
        addDelegate(identity, text("role"), text("delegate"), number("expiresAt"), time);
        return;
      }
      case "DelegateRevoked":
        if (!identity.delegations.delete(`${text("role")} ${text("delegate")}`)) {
          throw new Error(`A delegation of ${address} was revoked that it did not have.`);
        }
        return;
      case "DIDDeactivated":
        requireUnguarded(identity, name);
        identity.deactivated = true;
        return;
      case "NonceConsumed": {
        const power = powerOf(identity, text("signer"), number("nonce"), time);
        if ((number("nonce") & COUNT) !== power.nonceCount)
          throw new Error(`Nonce ${String(fields["nonce"])} is not the next.`);
        power.nonceCount++;
        return;
      }
      case "NoncesCancelled": {
        const power = powerOf(identity, text("signer"), number("firstNonce"), time);
        if ((number("firstNonce") & COUNT) !== power.nonceCount) throw new Error("Cancelled nonces leave a gap.");
        const cancelled = number("nextNonce") - number("firstNonce");
        if (cancelled < 1n || cancelled > 65_536n) throw new Error(`${cancelled} nonces were cancelled at once.`);
        power.nonceCount += cancelled;
        return;
      }
      case "DigestAnchored":
        requireNext(number("anchorSequence"), ++identity.anchorSequence);
        return;
      default:
        requireNext(number("statusSequence"), ++identity.statusSequence);
        {
          foldStatus(identity, name, fields, numbers);
          return;
        }
    }
  }

  of(address: string): FoldedIdentity {
    return this.identities.get(address) ?? neverWritten(address);
  }
}

/** The header of an identity, as it is stored in one word. */
export function packedHeader(address: string, identity: FoldedIdentity): bigint {
  const stage = identity.deactivated ? 2n : identity.controller === address ? 0n : 1n;
  return (
    stage |
    (identity.registered ? 4n : 0n) |
    (identity.commitment === ZeroHash ? 0n : 8n) |
    (identity.version << 8n) |
    (identity.controlVersion << 40n) |
    (identity.nonceCount << 72n) |
    (identity.anchorSequence << 104n) |
    (identity.createdAt << 136n) |
    (identity.updatedAt << 176n) |
    (identity.statusSequence << 216n)
  );
}

interface StatusArguments {
  credId?: string;
  purpose?: bigint;
  firstWord?: bigint;
}

function neverWritten(address: string): FoldedIdentity {
  return {
    controller: address,
    commitment: ZeroHash,
    registered: false,
    deactivated: false,
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

function requireNext(given: bigint, expected: bigint): void {
  if (given !== expected) throw new Error(`A counter is ${given} where ${expected} comes next.`);
}

function countVersion(identity: FoldedIdentity, version: bigint, time: bigint): void {
  requireNext(version, ++identity.version);
  identity.updatedAt = time;
  if (version === 1n) identity.createdAt = time;
}

function publish(identity: FoldedIdentity, documentUri: string, documentHash: string): void {
  if (identity.documentUri === documentUri && identity.documentHash === documentHash && identity.registered) {
    throw new Error("An event without a change of the document.");
  }
  identity.registered = true;
  identity.documentUri = documentUri;
  identity.documentHash = documentHash;
}

function requireUnguarded(identity: FoldedIdentity, name: string): void {
  if (identity.commitment !== ZeroHash) throw new Error(`${name} of an identity that a successor guards.`);
}

/** The salts of a history are few: one of them must open the commitment to the account that took control. */
const SALTS = [0, 1].map(saltOf);

function requireCommitted(address: string, identity: FoldedIdentity, controller: string): void {
  if (SALTS.some((salt) => commitmentOf(address, controller, salt) === identity.commitment)) return;
  throw new Error(`${controller} took control of ${address} and was not committed to.`);
}

function takeControl(identity: FoldedIdentity, controller: string): void {
  identity.controller = controller;
  identity.controlVersion = identity.version;
  identity.nonceCount = 0n;
  identity.delegations.clear();
}

function addDelegate(identity: FoldedIdentity, role: string, delegate: string, expiresAt: bigint, time: bigint): void {
  const former = identity.delegations.get(`${role} ${delegate}`);
  const live = former && time < former.expiresAt;
  if (live && former.expiresAt === expiresAt) throw new Error("An event without a change of the delegation.");
  const grant = live ? former : { grantVersion: identity.version, nonceCount: 0n };
  const { grantVersion, nonceCount } = grant;
  identity.delegations.set(`${role} ${delegate}`, { role, delegate, expiresAt, grantVersion, nonceCount });
}

/** The power that a nonce is of: the controller's, or a live delegation's of the grant that the nonce names. */
function powerOf(identity: FoldedIdentity, signer: string, nonce: bigint, time: bigint): { nonceCount: bigint } {
  const grant = nonce >> 64n;
  if (signer === identity.controller && grant === identity.controlVersion) return identity;
  for (const delegation of identity.delegations.values()) {
    const { delegate, grantVersion, expiresAt } = delegation;
    if (delegate === signer && grantVersion === grant && time < expiresAt) return delegation;
  }
  throw new Error(`A nonce of ${signer} names the grant ${grant}, which it does not hold.`);
}

function foldStatus(
  identity: FoldedIdentity,
  name: string,
  { credId, purpose, firstWord }: StatusArguments,
  numbers: (field: string) => bigint[],
): void {
  const list = name.startsWith("Revocation") || name === "CredentialRevoked" ? 0n : (purpose ?? 0n);
  const clears = name.endsWith("Cleared");
  const merges: [word: bigint, mask: bigint][] =
    credId !== undefined
      ? [[(BigInt(credId) >> 8n) & (2n ** 88n - 1n), 1n << (255n - (BigInt(credId) & 255n))]]
      : firstWord !== undefined
        ? numbers("masks").map((mask, offset) => [firstWord + BigInt(offset), mask])
        : numbers("words").map((word, position) => [word, numbers("masks")[position] ?? 0n]);
  let changed = false;
  for (const [word, mask] of merges) {
    const before = identity.words.get(`${list}:${word}`) ?? 0n;
    const after = clears ? before & ~mask : before | mask;
    changed ||= before !== after;
    identity.words.set(`${list}:${word}`, after);
  }
  if (!changed) throw new Error(`${name} without a change.`);
  if (list === 0n && clears) throw new Error("A revocation was cleared.");
}

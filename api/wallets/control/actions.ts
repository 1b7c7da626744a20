import { formatDid, parseDid } from "../../../chain/did/did";
import { implicitDid } from "../../../chain/registry/fold";
import { TransientError } from "../../../core/errors";
import type { Projection } from "../../../projection/queries";
import type { WalletStore } from "../store";
import {
  type ControlLoss,
  type ControlState,
  didDeactivated,
  didNotControlled,
  type HeldDid,
  type Holding,
  type SessionWallet,
} from "./rules";

/** What reading control needs. */
export interface ControlDeps {
  projection: Pick<Projection, "findDid" | "findControlled">;
}

/** Who controls a DID of the registry now, by the index; one that it has no event of controls itself. */
interface Controller {
  /** The last one, when the DID is deactivated. `0x` and 40 lower-case hexadecimal digits. */
  controller: string;
  active: boolean;
  /** Why an event about the DID may be missing; null when none is. */
  unverifiedReason: string | null;
}

async function readController({ projection }: ControlDeps, did: string): Promise<Controller> {
  const { id: identity } = parseDid(did);
  const { state } = await projection.findDid(identity);
  const { controller, active, unverified } = state ?? implicitDid(identity);
  return { controller, active, unverifiedReason: unverified?.reason ?? null };
}

/**
 * {@link readController}, but nobody is believed while an event may be missing.
 *
 * @throws TransientError `index.unverified`
 */
async function requireController(deps: ControlDeps, did: string): Promise<Controller> {
  const found = await readController(deps, did);
  if (found.unverifiedReason === null) return found;
  const message = `The index cannot say for certain who controls ${did}: ${found.unverifiedReason}.`;
  throw new TransientError("index.unverified", message);
}

/**
 * Who controls a DID, seen by an account.
 *
 * @param asked.account `0x` and 40 lower-case hexadecimal digits
 */
export async function readControl(
  deps: ControlDeps,
  { account, did }: { account: string; did: string },
): Promise<ControlState> {
  return controlOf(account, await readController(deps, did));
}

function controlOf(account: string, { controller, active, unverifiedReason }: Controller): ControlState {
  if (unverifiedReason !== null) return "unverified";
  // One that was handed over stays somebody else's, also when that one deactivated it.
  if (controller !== account) return "transferred";
  return active ? "controlled" : "deactivated";
}

/** Most DIDs that one wallet is shown to control beside its own. */
const MAX_OTHERS = 1_000;

/** The DIDs that an account controls, or did until they were deactivated, beside the one of its own address. */
export async function readOtherDids(
  { projection }: ControlDeps,
  { walletAddress, did }: { walletAddress: string; did: string },
): Promise<HeldDid[]> {
  const { method } = parseDid(did);
  const found = await projection.findControlled(walletAddress, MAX_OTHERS);
  return found.map(({ address, active, verified }) => ({
    did: formatDid(method, address),
    control: !verified ? "unverified" : active ? "controlled" : "deactivated",
  }));
}

/**
 * The DID as whose holder a wallet acts: the one named; else that of its own address while it controls it; else the first
 * other that it controls.
 *
 * @param asked.ownDid that of the wallet's own address
 * @param asked.did the one named
 * @throws DomainError `did.not_controlled`, `did.deactivated`
 * @throws TransientError `index.unverified`
 */
export async function requireControlledDid(
  deps: ControlDeps,
  { walletAddress, ownDid, did }: { walletAddress: string; ownDid: string; did: string | undefined },
): Promise<string> {
  const asked = did ?? ownDid;
  const found = await requireController(deps, asked);
  const control = controlOf(walletAddress, found);
  if (control === "controlled") return asked;
  if (did === undefined) {
    const others = await readOtherDids(deps, { walletAddress, did: ownDid });
    const other = others.find((held) => held.control === "controlled");
    if (other !== undefined) return other.did;
  }
  throw control === "deactivated" ? didDeactivated(asked) : didNotControlled(asked);
}

/**
 * How a user holds a DID, by the wallets linked to the account.
 *
 * @throws TransientError `index.unverified`
 */
export async function holdingOf(
  deps: ControlDeps & { wallets: Pick<WalletStore, "find"> },
  { userId, did }: { userId: string; did: string },
): Promise<Holding> {
  const { controller, active } = await requireController(deps, did);
  const wallet = await deps.wallets.find(controller);
  if (wallet?.userId !== userId) return "none";
  return active ? "holder" : "deactivated";
}

/**
 * The user to whose account the wallet is linked that controls a DID, by what the index knows so far; null when there is
 * none. For what only informs: nothing may be allowed by it.
 *
 * @param did empty where its holder's account was erased
 */
export async function holderOf(
  deps: ControlDeps & { wallets: Pick<WalletStore, "find"> },
  did: string,
): Promise<string | null> {
  if (did === "") return null;
  const { controller } = await readController(deps, did);
  return (await deps.wallets.find(controller))?.userId ?? null;
}

/**
 * Whether a session that a wallet opened still stands: while the wallet is linked to its user and controls the DID.
 *
 * @returns why it does not; null while it does
 * @throws TransientError `index.unverified`
 */
export async function controlLossOf(
  deps: ControlDeps & { wallets: Pick<WalletStore, "find"> },
  { userId, walletAddress, did }: SessionWallet & { userId: string },
): Promise<ControlLoss | null> {
  const wallet = await deps.wallets.find(walletAddress);
  if (wallet?.userId !== userId) return "session.wallet_unlinked";
  const { controller, active } = await requireController(deps, did);
  if (!active) return "session.did_deactivated";
  return controller === walletAddress ? null : "session.control_changed";
}

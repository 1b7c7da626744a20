import { readIndexedRegistration } from "./anchoring/indexedRegistration";
import { type ControlDeps, readControl, readOtherDids } from "./control/actions";
import { type ShownWallet, showWallet, type Wallet } from "./rules";

/** A wallet as its user sees it, with what the index says of it. */
export async function readShownWallet(deps: ControlDeps, wallet: Wallet): Promise<ShownWallet> {
  const { walletAddress, did } = wallet;
  const [registration, control, otherDids] = await Promise.all([
    readIndexedRegistration(deps, walletAddress),
    readControl(deps, { account: walletAddress, did }),
    readOtherDids(deps, wallet),
  ]);
  return showWallet(wallet, { registration, control, otherDids });
}

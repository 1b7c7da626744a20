import type { RelayerDeps } from "./deps";
import { NONCE_GAP } from "./handlers";
import type { ChainView } from "./nextAction";
import { CANCELLATION_GAS } from "./signer";
import { type Account, newTransaction, type RelayerTransaction } from "./transaction";

/**
 * Uses up a nonce that nobody holds and that has blocked all behind it for a while, for instance after a reorg dropped
 * somebody else's use of the key.
 *
 * @param unfinished by ascending nonce
 */
export async function fillNonceGap(
  { signer, transactions, logger, stuckSeconds }: RelayerDeps,
  account: Account,
  unfinished: RelayerTransaction[],
  view: ChainView,
  now: Date,
): Promise<void> {
  const lowest = unfinished.find(({ nonce }) => nonce >= view.chainNonce);
  if (lowest === undefined || lowest.nonce === view.chainNonce) return;
  if (now.getTime() - lowest.createdAt.getTime() < stuckSeconds * 1000) return;
  const nonce = view.chainNonce;
  const call = { to: signer.address, data: "0x" };
  const gasLimit = CANCELLATION_GAS;
  const attempt = await signer.sign({ call, nonce, gasLimit, fees: view.suggested, cancellation: true });
  const name = `${NONCE_GAP}/${account.relayer}/${nonce}`;
  const request = { kind: NONCE_GAP, requests: [{ subject: name, key: name }], call };
  await transactions.insert(
    newTransaction({ account, nonce, request, gasLimit, attempt, charges: [], expiresAt: null, now }),
  );
  logger.warn({ nonce }, "nobody holds this nonce; it is spent on nothing so that later ones are mined");
}

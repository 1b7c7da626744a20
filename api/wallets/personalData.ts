import type { PersonalData } from "../../core/personalData";
import type { WalletStore } from "./store";

/** Linked wallets. Their DIDs stay on the chain. */
export function walletData({ wallets }: { wallets: Pick<WalletStore, "ofUser" | "removeAll"> }): PersonalData {
  return {
    async export({ userId }) {
      const linked = await wallets.ofUser(userId);
      return {
        wallets: linked.map(({ walletAddress, did, kind, verifiedAt, anchoring }) => {
          const { status, transactionHashes } = anchoring;
          return { walletAddress, did, kind, verifiedAt, anchoring: { status, transactionHashes } };
        }),
      };
    },
    erase: ({ userId }) => wallets.removeAll(userId),
  };
}

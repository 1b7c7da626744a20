import type { HDNodeWallet, Wallet } from "ethers";
import type { Answer, AnswerBody } from "./ask";
import type { Fixture } from "./fixture";

/** Requests a challenge for a wallet to sign; without a token, for a login only. */
export async function askChallenge(
  on: Pick<Fixture, "ask">,
  token: string | undefined,
  walletAddress: string,
  purpose: "link" | "login" | "anchor" = "link",
): Promise<AnswerBody> {
  const { status, body } = await on.ask("POST", "/auth/wallet/challenge", { token, body: { walletAddress, purpose } });
  if (status !== 201) throw new Error(`no challenge: ${status} ${body.code}`);
  return body;
}

/** Links a wallet to an account with one signature, as its holder would. */
export async function linkWithSignature(
  on: Pick<Fixture, "ask">,
  token: string,
  holder: HDNodeWallet | Wallet,
): Promise<{ challenge: AnswerBody; signature: string; answer: Answer }> {
  const challenge = await askChallenge(on, token, holder.address);
  const signature = await holder.signMessage(challenge["message"] as string);
  const body = { walletAddress: holder.address, signature };
  const answer = await on.ask("POST", "/auth/wallet/link", { token, body });
  if (answer.status !== 201) throw new Error(`not linked: ${answer.status} ${answer.body.code}`);
  return { challenge, signature, answer };
}

/** EIP-712 typed data as a challenge gives it. */
interface TypedData {
  domain: object;
  types: Record<string, { name: string; type: string }[]>;
  message: Record<string, string>;
}

/** Signs a challenge's registration as a holder's wallet would. */
export function signTypedData(holder: HDNodeWallet | Wallet, challenge: AnswerBody): Promise<string> {
  const typedData = challenge["typedData"] as TypedData | null;
  if (typedData === null) throw new Error("the challenge holds no registration");
  // ethers adds this type itself and refuses it when it is given.
  const types = Object.fromEntries(Object.entries(typedData.types).filter(([name]) => name !== "EIP712Domain"));
  return holder.signTypedData(typedData.domain, types, typedData.message);
}

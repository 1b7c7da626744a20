import type { InjiConfig } from "../../../core/config/presentationFlow";
import type { FixtureOptions } from "../fixture";
import { beginFlow, type BegunFlow, chooseWallet, storedFlow } from "./flowBrowser";
import { type InjiVerify, startInjiVerify } from "./injiVerify";
import { type RelyingParty, relyingParty } from "./relyingParty";

export const INJI_CLIENT_ID = "cairn-client";
export const INJI_WALLET = "https://wallet.example/authorize";

/** As a relying party of an Inji Verify asks. */
export const TAX_DEFINITION = {
  id: "income tax",
  input_descriptors: [
    {
      id: "tax-id",
      name: "Income tax account",
      constraints: { fields: [{ path: ["$.credentialSubject.fullName"] }, { path: ["$.credentialSubject.PAN"] }] },
    },
  ],
};

/** Cairn whose flows an Inji Verify verifies. */
export interface InjiParty {
  party: RelyingParty;
  verify: InjiVerify;
  /** A flow whose wallet is chosen; the verifier's name of its request. */
  asked(device: "this" | "other"): Promise<BegunFlow & { link: string; requestId: string }>;
  begin(): Promise<BegunFlow>;
  close(): Promise<void>;
}

export async function injiParty(
  name: string,
  options: FixtureOptions & { inji?: Partial<InjiConfig> } = {},
): Promise<InjiParty> {
  const verify = await startInjiVerify();
  const inji: InjiConfig = {
    baseUrl: verify.baseUrl,
    clientId: INJI_CLIENT_ID,
    walletUrl: INJI_WALLET,
    timeoutMs: 300,
    retries: 3,
    retryMs: 10,
    ...options.inji,
  };
  const config = { ...options.config, presentationFlow: { ...options.config?.presentationFlow, inji } };
  const party = await relyingParty(name, { ...options, config });
  const begin = () =>
    beginFlow(party, { dcqlQuery: undefined, presentationDefinition: TAX_DEFINITION, credentialType: undefined });
  return {
    party,
    verify,
    begin,
    async asked(device) {
      const flow = await begin();
      const link = await chooseWallet(party, flow, device);
      const { request } = await storedFlow(party, flow.sessionId);
      return { ...flow, link, requestId: request?.requestId ?? "" };
    },
    async close() {
      await party.close();
      await verify.close();
    },
  };
}

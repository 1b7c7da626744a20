import { loadDeployment } from "../chain/deployment";
import { createProvider, type FailoverProvider } from "../chain/provider";
import type { Config } from "../core/config/config";
import { BootError, type BootProblem } from "../core/errors";
import type { PreflightCheck } from "./preflight";

/**
 * The check that every endpoint answers, speaks of the configured chain, and holds the contracts at their addresses.
 */
export function chainCheck(config: Config["chain"]): PreflightCheck {
  return {
    subject: "RPC_URL",
    fix: "start the chain there, or correct RPC_URL",
    async run() {
      const problems = await Promise.all(config.rpcUrls.map((url) => endpointProblems(url, config)));
      return problems.flat();
    },
  };
}

async function endpointProblems(url: string, config: Config["chain"]): Promise<BootProblem[]> {
  const { host } = new URL(url);
  const provider = createProvider([url], config.chainId);
  try {
    const found = Number(await provider.send("eth_chainId", []));
    if (found !== config.chainId) {
      const problem = `${host} serves chain ${found}, but CHAIN_ID is ${config.chainId}`;
      return [{ subject: "CHAIN_ID", problem, fix: "correct CHAIN_ID, or point RPC_URL at the chain you mean" }];
    }
    return await contractProblems(provider, config);
  } finally {
    provider.destroy();
  }
}

async function contractProblems(provider: FailoverProvider, config: Config["chain"]): Promise<BootProblem[]> {
  const problems: BootProblem[] = [];
  try {
    const { contracts } = loadDeployment(config);
    for (const [name, { address }] of Object.entries(contracts)) {
      if ((await provider.getCode(address)) !== "0x") continue;
      const problem = `there is no contract at ${address} on chain ${config.chainId}`;
      problems.push({ subject: name, problem, fix: "deploy it with `npm run deploy`, or correct its address" });
    }
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    problems.push(...error.problems);
  }
  return problems;
}

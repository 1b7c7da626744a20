import { loadDeployment } from "../chain/deployment";
import { createProvider, type FailoverProvider } from "../chain/provider";
import type { Config } from "../core/config/config";
import { BootError, type BootProblem, messageOf, TransientError } from "../core/errors";
import { type PreflightCheck, withDeadline } from "./preflight";

/** How long an endpoint may take at start; afterwards it is waited for while the process runs. */
const ANSWER_DEADLINE_MS = 5_000;
/** HTTP answers of a wrong key or path: asking again does not help. */
const WRONG_ADDRESS_STATUSES = [401, 403, 404];

/**
 * The check that the endpoints speak of the configured chain and hold the contracts at their addresses. One that does
 * not answer, or says that it is asked too often, is passed over: it may do so later.
 */
export function chainCheck(config: Config["chain"]): PreflightCheck {
  return {
    subject: "RPC_URL",
    fix: "start the chain there, or correct RPC_URL",
    mayAnswerLater: true,
    run: () => checkEndpoints(config),
  };
}

/** @throws TransientError when no endpoint answers and nothing else is wrong */
async function checkEndpoints(config: Config["chain"]): Promise<BootProblem[]> {
  const silent: unknown[] = [];
  const problems = await Promise.all(
    config.rpcUrls.map(async (url) => {
      try {
        return await withDeadline(endpointProblems(url, config), ANSWER_DEADLINE_MS, lateAnswer(url));
      } catch (error) {
        silent.push(error);
        return [];
      }
    }),
  );
  const found = problems.flat();
  if (found.length > 0 || silent.length < config.rpcUrls.length) return found;
  throw new TransientError("rpc.unreachable", silent.map(messageOf).join("; "), { cause: silent[0] });
}

function lateAnswer(url: string): string {
  return `${new URL(url).host} gives no answer within ${ANSWER_DEADLINE_MS / 1000} s`;
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
  } catch (error) {
    const status = httpStatusOf(error);
    if (status === undefined || !WRONG_ADDRESS_STATUSES.includes(status)) throw error;
    const fix = "correct the path or the key in RPC_URL";
    return [{ subject: "RPC_URL", problem: `${host} answers with HTTP ${status}`, fix }];
  } finally {
    provider.destroy();
  }
}

/** The status of the HTTP answer that ethers gave as the cause. */
function httpStatusOf(error: unknown): number | undefined {
  if (!(error instanceof TransientError)) return undefined;
  const { response } = error.cause as { response?: { statusCode?: number } };
  return response?.statusCode;
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

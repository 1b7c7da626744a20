/** Where the gateway is reached. */
export interface GatewayAddress {
  /** gRPC-Web, Connect and HTTP. */
  httpUrl: string;
  /** gRPC: host and port. */
  grpcAddress: string;
}

/** The running Cairn that a demo is played against, and where the demo saves its progress. */
export interface DemoTarget {
  apiUrl: string;
  gateway: GatewayAddress;
  /** For what an operator does at a terminal, such as registering an OAuth client. */
  mongodbUri: string;
  rpcUrl: string;
  chainId: number;
  didRegistryAddress: string;
  /** Holds the state of an unfinished demo, so that the next run continues it. */
  dataDir: string;
}

/** One finished step of a demo. */
export interface DemoStep {
  title: string;
  /** What came of it, a line each. */
  outcome: string[];
  milliseconds: number;
}

/** Called after each step. */
export type ReportStep = (step: DemoStep) => void;

/** Plays one demo. */
export type Demo = (target: DemoTarget, reportStep: ReportStep) => Promise<void>;

/**
 * Runs one step and reports it with the time it took.
 *
 * @param act does the step; returns what came of it, a line each
 * @throws what `act` throws; the step is not reported then
 */
export async function runStep(reportStep: ReportStep, title: string, act: () => Promise<string[]>): Promise<void> {
  await runStepWithResult(reportStep, title, async () => ({ outcome: await act(), result: undefined }));
}

/** Like {@link runStep}, for a step whose result later steps need. */
export async function runStepWithResult<T>(
  reportStep: ReportStep,
  title: string,
  act: () => Promise<{ outcome: string[]; result: T }>,
): Promise<T> {
  const startedMs = performance.now();
  const { outcome, result } = await act();
  reportStep({ title, outcome, milliseconds: performance.now() - startedMs });
  return result;
}

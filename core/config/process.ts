import { z } from "zod";
import { configPart } from "./part";
import { flag, port, seconds } from "./variables";

/** How each process runs: its log, its health and metrics, its end. */
export const processPart = configPart({
  environment: {
    NODE_ENV: z.enum(["development", "test", "production"]).default("development"),
    LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
    METRICS_HOST: z.string().min(1).default("127.0.0.1"),
    API_METRICS_PORT: port.default(9463),
    WORKER_PORT: port.default(9465),
    READY_MAX_LAG_SECONDS: seconds.default(60),
    SHUTDOWN_SECONDS: seconds.default(20),
    CAIRN_SUPERVISED: flag.default(false),
  },
  shape: (env): ProcessConfig => ({
    logLevel: env.LOG_LEVEL,
    workerPort: env.WORKER_PORT,
    metricsHost: env.METRICS_HOST,
    metricsPort: env.API_METRICS_PORT,
    readyMaxLagSeconds: env.READY_MAX_LAG_SECONDS,
    shutdownSeconds: env.SHUTDOWN_SECONDS,
    supervised: env.CAIRN_SUPERVISED,
  }),
});

interface ProcessConfig {
  logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  workerPort: number;
  /** Where health and metrics listen, apart from the API: they are not for the public. */
  metricsHost: string;
  metricsPort: number;
  readyMaxLagSeconds: number;
  shutdownSeconds: number;
  /** Started by a supervisor that holds our standard input: when it closes, the process ends. */
  supervised: boolean;
}

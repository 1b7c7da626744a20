import { z } from "zod";
import { configPart } from "./part";
import { authenticationProblems, flag, urlWith } from "./variables";

export const redisPart = configPart({
  environment: {
    REDIS_URL: urlWith("redis:", "rediss:").default("redis://127.0.0.1:6379"),
    REDIS_UNAUTHENTICATED: flag.default(false),
    REDIS_PREFIX: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, "must be 1 to 32 lower-case letters, digits or hyphens")
      .default("cairn"),
  },
  requiredInProduction: [
    {
      variable: "REDIS_URL",
      only: ["api", "worker", "gateway", "operator"],
      fix: "point it at your Redis, rediss://user:password@host:6379",
    },
  ],
  problems: (given, { production }) =>
    production
      ? authenticationProblems(given, {
          url: "REDIS_URL",
          permission: "REDIS_UNAUTHENTICATED",
          form: "rediss://user:password@host:6379",
        })
      : [],
  shape: (env): { redis: { url: string; prefix: string } } => ({
    redis: { url: env.REDIS_URL, prefix: env.REDIS_PREFIX },
  }),
});

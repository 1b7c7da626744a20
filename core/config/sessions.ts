import { configPart } from "./part";
import { flag, seconds } from "./variables";

export const sessionsPart = configPart({
  environment: {
    SESSION_IDLE_SECONDS: seconds.default(15 * 60),
    SESSION_EXTENSION_SECONDS: seconds.default(60 * 60),
    SESSION_ABSOLUTE_SECONDS: seconds.default(12 * 60 * 60),
    LOGIN_LIMITS: flag.default(true),
  },
  problems(given, { production }) {
    if (!production || given["LOGIN_LIMITS"] !== "false") return [];
    const problem = "is false: passwords could be guessed without limit";
    return [{ subject: "LOGIN_LIMITS", problem, fix: "remove it; it is for load tests" }];
  },
  shape: (env): { sessions: SessionsConfig } => ({
    sessions: {
      idleSeconds: env.SESSION_IDLE_SECONDS,
      extensionSeconds: env.SESSION_EXTENSION_SECONDS,
      absoluteSeconds: env.SESSION_ABSOLUTE_SECONDS,
      limitLogins: env.LOGIN_LIMITS,
    },
  }),
});

/** A session is valid while now < min(last activity + idle, last activity + extension, creation + absolute). */
interface SessionsConfig {
  idleSeconds: number;
  extensionSeconds: number;
  absoluteSeconds: number;
  limitLogins: boolean;
}

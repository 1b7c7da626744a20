import { BootError } from "../core/errors";

/**
 * Rejects production: an embedded server has neither the durability nor the access control that production needs.
 *
 * @param variable names the server that has to be given instead
 * @throws BootError under `NODE_ENV=production`
 */
export function refuseInProduction(env: NodeJS.ProcessEnv, variable: "MONGODB_URI" | "REDIS_URL" | "RPC_URL"): void {
  if (env["NODE_ENV"] !== "production") return;
  const problem = "is not set, and a server of Cairn's own is refused under NODE_ENV=production";
  const fix = `set ${variable} to a real server, or unset NODE_ENV on a developer's machine`;
  throw new BootError("local services", [{ subject: variable, problem, fix }]);
}

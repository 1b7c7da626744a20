import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { authenticateAdmin } from "./actions";

export interface AdminPorts {
  /** @throws DomainError `api_key.unknown` */
  authenticate(key: string): Promise<{ accountId: string; keyId: string }>;
}

/** The administrator: one API key, from the configuration. */
export function createAdmin({ config }: Pick<Context, "config">): Module<AdminPorts> {
  return defineModule({
    name: "admin",
    ports: {
      // Async, so that a wrong key is a rejected promise as it is for the other kinds of key.
      authenticate: async (key) => Promise.resolve(authenticateAdmin({ adminApiKey: config.adminApiKey }, key)),
    },
  });
}

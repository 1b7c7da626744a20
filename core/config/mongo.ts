import { configPart } from "./part";
import { authenticationProblems, flag, urlWith } from "./variables";

export const mongoPart = configPart({
  environment: {
    MONGODB_URI: urlWith("mongodb:", "mongodb+srv:").default("mongodb://127.0.0.1:27017/cairn"),
    MONGODB_UNAUTHENTICATED: flag.default(false),
  },
  requiredInProduction: [
    {
      variable: "MONGODB_URI",
      only: ["api", "worker", "indexer", "operator"],
      fix: "point it at your replica set, mongodb://user:password@host/cairn?replicaSet=...",
    },
  ],
  problems: (given, { production }) =>
    production
      ? authenticationProblems(given, {
          url: "MONGODB_URI",
          permission: "MONGODB_UNAUTHENTICATED",
          form: "mongodb://user:password@host/cairn?replicaSet=...",
          // A certificate or a cloud's own identity stands in a password's place.
          isAuthenticated: ({ searchParams }) => /X509|AWS|GSSAPI|OIDC/i.test(searchParams.get("authMechanism") ?? ""),
        })
      : [],
  shape: (env): { mongodbUri: string } => ({ mongodbUri: env.MONGODB_URI }),
});

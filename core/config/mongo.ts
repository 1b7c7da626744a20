import { configPart } from "./part";
import { urlWith } from "./variables";

export const mongoPart = configPart({
  environment: { MONGODB_URI: urlWith("mongodb:", "mongodb+srv:").default("mongodb://127.0.0.1:27017/cairn") },
  requiredInProduction: [
    {
      variable: "MONGODB_URI",
      only: ["api", "worker", "indexer"],
      fix: "point it at your replica set, mongodb://user:password@host/cairn?replicaSet=...",
    },
  ],
  shape: (env): { mongodbUri: string } => ({ mongodbUri: env.MONGODB_URI }),
});

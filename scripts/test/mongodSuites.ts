import { findOnPath } from "../../embedded/findOnPath";

/**
 * What `npm test` runs on MongoDB itself as well, where a `mongod` is on PATH: the conformance suite, whatever promises
 * that something happens once, the crash tests and the indexer's.
 */
const SUITES: readonly RegExp[] = [
  /^test\/embedded\/mongo\/(aggregation|indexes|queries|races|types|updates)\.test\.ts$/,
  /^test\/embedded\/replicaSet\.test\.ts$/,
  /(^|\/)(races?|redeem|link)\.test\.ts$/,
  /(^|\/)(crash|crashes|crashRepair|killed)\.test\.ts$/,
  /^test\/indexer\//,
];

/** The second run of a whole suite: which files, or why there is none. */
export type MongodRun = { files: string[] } | { skipped: string };

/** Decides whether the suite is run on MongoDB itself after it was run on the embedded server. */
export function planMongodRun(suite: readonly string[], env: NodeJS.ProcessEnv): MongodRun {
  const files = suite.filter((file) => SUITES.some((pattern) => pattern.test(file)));
  for (const name of ["CAIRN_MONGO", "MONGODB_URI"]) {
    if ((env[name] ?? "") !== "") return { skipped: `${name} chose the server` };
  }
  if (findOnPath("mongod", env["PATH"]) === null) {
    return { skipped: `no mongod is on PATH (${files.length} files: conformance, one-time, crash, indexer)` };
  }
  return { files };
}

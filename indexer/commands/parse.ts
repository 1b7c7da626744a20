/** What `npm run indexer -- …` was asked to do. */
export type Command =
  | { name: "follow"; reindexOnReset: boolean }
  | { name: "status" }
  | { name: "audit" }
  | { name: "repair" }
  | { name: "reindex"; fromBlock: number };

const USAGE = `Usage: npm run indexer [-- <command>]
  (none) [--reindex-on-reset]  follow the chain; start over by itself when a development chain was reset
  status                       how far the index is, and who writes it; exits with 1 when it is not ready
  audit                        compare the whole index with the chain; exits with 1 on any difference
  repair                       audit, and repair what differs; exits with 1 when a difference is left
  reindex --from <block>       drop everything from that block on and index it again`;

/** Reads the arguments of the indexer; a string explains how it is used. */
export function parseCommand(argv: string[]): Command | string {
  const [name, ...rest] = argv;
  if (name === undefined) return { name: "follow", reindexOnReset: false };
  if (name === "--reindex-on-reset" && rest.length === 0) return { name: "follow", reindexOnReset: true };
  if ((name === "status" || name === "audit" || name === "repair") && rest.length === 0) return { name };
  const [option, value] = rest;
  if (name === "reindex" && rest.length === 2 && option === "--from" && /^\d{1,10}$/.test(value ?? "")) {
    return { name, fromBlock: Number(value) };
  }
  return USAGE;
}

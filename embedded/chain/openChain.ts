import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { EIP1193Provider } from "hardhat/types";
import { messageOf } from "../../core/errors";
import { Journal, type JournalContent, type JournalHeader } from "./journal";
import { type ChainPosition, JournaledNode } from "./journaledNode";
import { replay } from "./replay";
import { advanceClock, ask, getBlock } from "./rpc";

/** What {@link openChain} needs. */
export interface ChainOptions {
  folder: string;
  /** Starts the node with a genesis block of that time. Called once. */
  startNode(genesisSeconds: number): Promise<EIP1193Provider>;
  /** Receives a line for people. */
  report(text: string): void;
  /** Called during a replay with the number of blocks so far. */
  onProgress(blocks: number): void;
  /** Ends the process: the journal could not be written. */
  onJournalError(error: unknown): never;
}

/**
 * Opens the chain whose journal is in a folder: replays it, or starts an empty chain when there is none. A journal that
 * this node cannot replay (another version of Hardhat, an edited file) is renamed, and `report` gets a line about it.
 */
export async function openChain(options: ChainOptions): Promise<EIP1193Provider> {
  mkdirSync(options.folder, { recursive: true });
  const path = join(options.folder, "journal.jsonl");
  const { content, problem: unreadable } = readJournal(path);
  const genesisSeconds = content?.header.genesisSeconds ?? Math.floor(Date.now() / 1000);
  const node = await options.startNode(genesisSeconds);
  const client = await ask<string>(node, "web3_clientVersion");

  let problem = unreadable;
  if (content !== null) {
    try {
      const position = await replay(node, content, options.onProgress);
      const journal = Journal.resume(path, content);
      return new JournaledNode(node, journal, position, options.onJournalError);
    } catch (error) {
      const by = content.header.client === client ? "" : `, which was written by ${content.header.client}`;
      problem = `${messageOf(error)}${by}`;
      await ask(node, "hardhat_reset");
    }
  }
  if (problem !== null) {
    const aside = Journal.setAside(path);
    options.report(`the chain starts empty: its journal cannot be replayed (${problem}); it is now ${aside}`);
  }
  const genesisHash = (await getBlock(node, 0)).hash;
  const header: JournalHeader = { format: 1, client, genesisSeconds, genesisHash };
  await advanceClock(node, Math.floor(Date.now() / 1000));
  const empty: ChainPosition = { height: 0, pool: new Map(), interval: 0 };
  return new JournaledNode(node, Journal.create(path, header), empty, options.onJournalError);
}

function readJournal(path: string): { content: JournalContent | null; problem: string | null } {
  try {
    return { content: Journal.read(path), problem: null };
  } catch (error) {
    return { content: null, problem: messageOf(error) };
  }
}

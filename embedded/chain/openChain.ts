import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { EIP1193Provider } from "hardhat/types";
import { messageOf } from "../../core/errors";
import { Journal, type JournalContent, type JournalHeader } from "./journal";
import { type ChainPosition, JournaledNode } from "./journaledNode";
import { replay } from "./replay";
import { advanceClock, ask, getBlock } from "./rpc";

/** What opening a remembered chain needs. */
export interface ChainOptions {
  folder: string;
  /** Starts the node with a genesis block of that time. Called once. */
  startNode(genesisSeconds: number): Promise<EIP1193Provider>;
  /** Takes a line for people. */
  note(text: string): void;
  onProgress(blocks: number): void;
  /** Ends the process: the journal could not be written. */
  onLost(error: unknown): never;
}

/**
 * Opens the chain kept in a folder: as it was, or an empty one when there is none yet. A journal this node cannot live
 * through again (another version of Hardhat, an edited file) is set aside under a dated name, and a note says so.
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
      return new JournaledNode(node, journal, position, options.onLost);
    } catch (error) {
      const by = content.header.client === client ? "" : `, which was written by ${content.header.client}`;
      problem = `${messageOf(error)}${by}`;
      await ask(node, "hardhat_reset");
    }
  }
  if (problem !== null) {
    const aside = Journal.setAside(path);
    options.note(`the chain starts empty: its journal does not replay (${problem}); it is kept as ${aside}`);
  }
  const genesisHash = (await getBlock(node, 0)).hash;
  const header: JournalHeader = { format: 1, client, genesisSeconds, genesisHash };
  await advanceClock(node, Math.floor(Date.now() / 1000));
  const empty: ChainPosition = { height: 0, pool: new Map(), interval: 0 };
  return new JournaledNode(node, Journal.create(path, header), empty, options.onLost);
}

function readJournal(path: string): { content: JournalContent | null; problem: string | null } {
  try {
    return { content: Journal.read(path), problem: null };
  } catch (error) {
    return { content: null, problem: messageOf(error) };
  }
}

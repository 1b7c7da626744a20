import { type EventName, eventsAffecting } from "../chain/registry/events";
import { type DidState, foldDid, foldIssuer, type IssuerState } from "../chain/registry/fold";
import { foldWord, wordMergesOf, type WordState } from "../chain/registry/foldWord";
import { type CheckpointDocument, countsIn, type EventDocument, type RegistryCollections } from "./models";

type Events = Pick<RegistryCollections, "events">;

const DID_EVENTS = eventsAffecting("dids");
const ISSUER_EVENTS = eventsAffecting("issuers");
const STATUS_EVENTS = eventsAffecting("words");

/** The events of a subject that belong to the index as the checkpoint has it, in the order of the chain. */
export async function* eventsOfSubject(
  { events }: Events,
  checkpoint: CheckpointDocument,
  subject: string,
  names?: readonly EventName[],
): AsyncGenerator<EventDocument> {
  const filter = names === undefined ? { subject } : { subject, name: { $in: [...names] } };
  // IXSCAN subject_1_position_1, no sort.
  for await (const event of events.find(filter).sort({ position: 1 })) {
    if (countsIn(checkpoint, event.term, event.blockNumber)) yield event;
  }
}

/** An identity's state, folded anew from the events in the index; null when there are none. */
export async function refoldDid(
  from: Events,
  checkpoint: CheckpointDocument,
  address: string,
): Promise<DidState | null> {
  let state: DidState | null = null;
  for await (const event of eventsOfSubject(from, checkpoint, address, DID_EVENTS)) state = foldDid(state, event);
  return state;
}

/** An issuer's accreditation, folded anew from the events in the index; null when there are none. */
export async function refoldIssuer(
  from: Events,
  checkpoint: CheckpointDocument,
  address: string,
): Promise<IssuerState | null> {
  let state: IssuerState | null = null;
  for await (const event of eventsOfSubject(from, checkpoint, address, ISSUER_EVENTS)) state = foldIssuer(state, event);
  return state;
}

/** States folded anew by key, one after another; keys without a state are left out. */
export async function refoldEach<State>(
  keys: Iterable<string>,
  refold: (key: string) => Promise<State | null>,
): Promise<Map<string, State>> {
  const states = new Map<string, State>();
  for (const key of keys) {
    const state = await refold(key);
    if (state !== null) states.set(key, state);
  }
  return states;
}

/**
 * Words folded anew from the events in the index, by `_id`; those never written are left out.
 *
 * @param ids `<issuer>:<purpose>:<word>`
 */
export async function refoldWords(
  from: Events,
  checkpoint: CheckpointDocument,
  ids: Iterable<string>,
): Promise<Map<string, WordState>> {
  const byIssuer = new Map<string, Set<string>>();
  for (const id of ids) {
    const issuer = id.slice(0, id.indexOf(":"));
    byIssuer.set(issuer, (byIssuer.get(issuer) ?? new Set<string>()).add(id));
  }
  const words = new Map<string, WordState>();
  for (const [issuer, wanted] of byIssuer) {
    for await (const event of eventsOfSubject(from, checkpoint, issuer, STATUS_EVENTS)) {
      for (const merge of wordMergesOf(event)) {
        if (wanted.has(merge.id)) words.set(merge.id, foldWord(words.get(merge.id) ?? null, merge, event));
      }
    }
  }
  return words;
}

import type { Chain } from "../client";
import { Exchange } from "../exchange";
import { statusPosition } from "../status/credId";
import { didRegistryInterface, issuerRegistryInterface } from "./abi";
import { addressOf, argument, fieldPlace, FIRST_ELEMENT, isSet, wordOf, ZERO_WORD } from "./answerWords";
import { isBitSet, STATUS_PURPOSES, type StatusPurpose } from "./statusWord";

/** A credential and who is to hold it. Addresses are `0x` and 40 lower-case hexadecimal digits. */
export interface CredentialQuestion {
  issuer: string;
  /** The credential's index. */
  index: number;
  /** The identity the credential was issued to. */
  subject: string;
}

/** What the chain says of a credential, its issuer and its subject. */
export interface CredentialFacts {
  accredited: boolean;
  /** Digest of the issuer's DID document, `0x` and 64 hexadecimal digits; zero when there is none or it is not active. */
  documentHash: string;
  revoked: boolean;
  suspended: boolean;
  /** Whose signature counts as the subject's: its controller, itself while it is not registered, nobody's once deactivated. */
  holder: string | null;
  /** The chain's newest block just before it was asked: the facts are as of this block or a later one. */
  block: { number: number; hash: string };
}

const RESOLVE_DID = didRegistryInterface.getFunction("resolveDID");
const STATUS_WORDS = didRegistryInterface.getFunction("statusWords");
const IS_ACCREDITED = issuerRegistryInterface.getFunction("isAccredited");

/** Read once: ethers hashes the signature whenever a fragment is asked for its selector. */
const SELECTORS = {
  resolveDID: RESOLVE_DID.selector,
  statusWords: STATUS_WORDS.selector,
  isAccredited: IS_ACCREDITED.selector,
};

/** Places of an identity's fields in the answer of `resolveDID`. */
const DOCUMENT_HASH = fieldPlace(RESOLVE_DID, "documentHash");
const CONTROLLER = fieldPlace(RESOLVE_DID, "controller");
const VERSION = fieldPlace(RESOLVE_DID, "version");
const ACTIVE = fieldPlace(RESOLVE_DID, "active");

/**
 * Asks the chain about several credentials in one exchange. What they have in common, such as an issuer's accreditation
 * or a word of 256 statuses, is asked once.
 *
 * @returns the facts in the order of the questions
 * @throws TransientError `rpc.unreachable` when no endpoint answers, `rpc.failed` when an answer is an error or too short
 */
export async function readCredentialFacts(
  { provider, deployment }: Pick<Chain, "provider" | "deployment">,
  questions: CredentialQuestion[],
): Promise<CredentialFacts[]> {
  const exchange = new Exchange(provider);
  const block = exchange.ask("eth_getBlockByNumber", ["latest", false]);
  const asked = questions.map((question) => askFor(exchange, deployment.contracts, question));
  const answers = await exchange.send();
  const text = (id: number): string => String(answers.get(id));
  const { number, hash } = answers.get(block) as { number: string; hash: string };

  return questions.map(({ index, subject }, at) => {
    const ids = asked[at] as AskedFor;
    const issuer = text(ids.issuer);
    return {
      accredited: isSet(text(ids.accreditation), 0),
      documentHash: isSet(issuer, ACTIVE) ? wordOf(issuer, DOCUMENT_HASH) : ZERO_WORD,
      revoked: bitOf(text(ids.revocation), index),
      suspended: bitOf(text(ids.suspension), index),
      holder: holderOf(text(ids.subject), subject),
      block: { number: Number(number), hash },
    };
  });
}

/** By which ids the answers to one question are found. */
interface AskedFor {
  accreditation: number;
  issuer: number;
  subject: number;
  revocation: number;
  suspension: number;
}

function askFor(
  exchange: Exchange,
  { DIDRegistry, IssuerRegistry }: Chain["deployment"]["contracts"],
  { issuer, index, subject }: CredentialQuestion,
): AskedFor {
  const { word } = statusPosition(index);
  const identity = (address: string) => exchange.call(DIDRegistry.address, SELECTORS.resolveDID + argument(address));
  const statusWord = (purpose: StatusPurpose) => {
    const values = [issuer, BigInt(STATUS_PURPOSES.indexOf(purpose)), word, 1n];
    return exchange.call(DIDRegistry.address, SELECTORS.statusWords + values.map(argument).join(""));
  };
  return {
    accreditation: exchange.call(IssuerRegistry.address, SELECTORS.isAccredited + argument(issuer)),
    issuer: identity(issuer),
    subject: identity(subject),
    revocation: statusWord("revocation"),
    suspension: statusWord("suspension"),
  };
}

function holderOf(identity: string, subject: string): string | null {
  if (!isSet(identity, VERSION)) return subject;
  return isSet(identity, ACTIVE) ? addressOf(identity, CONTROLLER) : null;
}

/** The bit of a credential in the answer of `statusWords` for its word. */
function bitOf(answer: string, index: number): boolean {
  return isBitSet(wordOf(answer, FIRST_ELEMENT), index % 256);
}

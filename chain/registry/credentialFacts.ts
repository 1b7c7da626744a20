import { ZeroHash } from "ethers";
import type { Chain } from "../client";
import { Exchange } from "../exchange";
import { formatCredId } from "../status/credId";
import { didRegistryInterface, issuerRegistryInterface } from "./abi";
import { addressOf, argument, elementFieldPlace, fieldPlace, isSet, wordOf } from "./answerWords";

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
  /** Whose signature counts as the subject's: its controller's, which is itself unless it changed; nobody's once deactivated. */
  holder: string | null;
  /** The chain's newest block just before it was asked: the facts are as of this block or a later one. */
  block: { number: number; hash: string };
}

const RESOLVE_DID = didRegistryInterface.getFunction("resolveDID");
const CREDENTIAL_STATES = issuerRegistryInterface.getFunction("credentialStates");

/** Read once: ethers hashes the signature whenever a fragment is asked for its selector. */
const RESOLVE_DID_SELECTOR = RESOLVE_DID.selector;

/** Places of an identity's fields in the answer of `resolveDID`. */
const DOCUMENT_HASH = fieldPlace(RESOLVE_DID, "documentHash");
const CONTROLLER = fieldPlace(RESOLVE_DID, "controller");
const ACTIVE = fieldPlace(RESOLVE_DID, "active");

/** Places of a credential's fields in the answer of `credentialStates`. */
const ACCREDITED = elementFieldPlace(CREDENTIAL_STATES, "accredited");
const REVOKED = elementFieldPlace(CREDENTIAL_STATES, "revoked");
const SUSPENDED = elementFieldPlace(CREDENTIAL_STATES, "suspended");

/**
 * Asks the chain about several credentials in one exchange: one call for their statuses and their issuers'
 * accreditations, and one for each identity, whatever it has to do with the credentials.
 *
 * @returns the facts in the order of the questions
 * @throws TransientError `rpc.unreachable` when no endpoint answers, `rpc.failed` when an answer is an error or too short
 */
export async function readCredentialFacts(
  { provider, deployment }: Pick<Chain, "provider" | "deployment">,
  questions: CredentialQuestion[],
): Promise<CredentialFacts[]> {
  const { DIDRegistry, IssuerRegistry } = deployment.contracts;
  const exchange = new Exchange(provider);
  const block = exchange.ask("eth_getBlockByNumber", ["latest", false]);
  const credIds = questions.map(formatCredId);
  const states = exchange.call(
    IssuerRegistry.address,
    issuerRegistryInterface.encodeFunctionData("credentialStates", [credIds]),
  );
  const identity = (address: string) => exchange.call(DIDRegistry.address, RESOLVE_DID_SELECTOR + argument(address));
  const asked = questions.map(({ issuer, subject }) => ({ issuer: identity(issuer), subject: identity(subject) }));

  const answers = await exchange.send();
  const text = (id: number): string => String(answers.get(id));
  const { number, hash } = answers.get(block) as { number: string; hash: string };
  const ofCredentials = text(states);
  return asked.map(({ issuer, subject }, at) => ({
    accredited: isSet(ofCredentials, ACCREDITED(at)),
    documentHash: isSet(text(issuer), ACTIVE) ? wordOf(text(issuer), DOCUMENT_HASH) : ZeroHash,
    revoked: isSet(ofCredentials, REVOKED(at)),
    suspended: isSet(ofCredentials, SUSPENDED(at)),
    holder: isSet(text(subject), ACTIVE) ? addressOf(text(subject), CONTROLLER) : null,
    block: { number: Number(number), hash },
  }));
}
